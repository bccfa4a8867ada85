//! The links of a page of a study's view. A position is encrypted, so that nobody makes one, or takes one to another
//! question: <https://www.rfc-editor.org/rfc/rfc5116#section-2>.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use fhir_model::{IssueType, Outcome, ResourceType};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::{
    page::{Page, Turn},
    person::StudyKey,
    question::{CURSOR, Question},
};
use crate::{Fhir, bundle::Bundle};

/// Bytes that tell whose cursor it is.
const OWNER_BYTES: usize = 8;

/// Where a study is searched, and by whom.
pub(super) struct Path<'p> {
    pub(super) fhir: &'p Fhir,
    pub(super) project: &'p str,
    pub(super) ty: ResourceType,
    pub(super) bearer: &'p str,
    pub(super) key: &'p StudyKey,
}

/// `https://vault.example/research/project`
pub(super) fn base(fhir: &Fhir, project: &str) -> String {
    let root = fhir.base.strip_suffix("/fhir").unwrap_or(&fhir.base);
    format!("{root}/research/{project}")
}

impl Path<'_> {
    pub(super) fn base(&self) -> String {
        base(self.fhir, self.project)
    }

    pub(super) fn link_self(&self, bundle: &mut Bundle, question: &Question) {
        let mut query = question.query();
        if let Some(cursor) = &question.cursor {
            query.push(CURSOR, cursor.as_str());
        }
        bundle.link("self", &format!("{}/{}?{query}", self.base(), self.ty));
    }

    pub(super) fn link_pages(&self, bundle: &mut Bundle, question: &Question, page: &Page) {
        let ends = [("next", b'>', page.next.as_ref()), ("previous", b'<', page.previous.as_ref())];
        for (relation, way, position) in ends {
            let cursor = position.and_then(|position| self.seal(question, way, position));
            if let Some(cursor) = cursor {
                let mut query = question.page_query();
                query.push(CURSOR, cursor);
                bundle.link(relation, &format!("{}/{}?{query}", self.base(), self.ty));
            }
        }
    }

    fn seal(&self, question: &Question, way: u8, position: &str) -> Option<String> {
        let mut text = self.owner();
        text.push(way);
        text.extend_from_slice(position.as_bytes());
        let of = self.of(question);
        // the same text has the same nonce, another one another: nothing is told but that two are the same
        let nonce: Vec<u8> = self.key.sign("nonce", &[of.as_bytes(), &text].concat());
        let nonce = nonce.get(..NONCE_LEN)?.to_vec();
        let unique = Nonce::try_assume_unique_for_key(&nonce).ok()?;
        self.cipher()?
            .seal_in_place_append_tag(unique, Aad::from(of.as_bytes()), &mut text)
            .ok()?;
        Some(URL_SAFE_NO_PAD.encode([nonce, text].concat()))
    }

    /// The page that a question is about.
    ///
    /// # Errors
    /// `invalid` when the cursor was altered or belongs to another question or study, `not-found` when it is somebody
    /// else's.
    pub(super) fn open(&self, question: &Question) -> Result<Turn, Outcome> {
        let Some(cursor) = &question.cursor else { return Ok(Turn::First) };
        let (owner, turn) = self.read(question, cursor).ok_or_else(|| {
            let text = "The paging link was altered, or belongs to another question; start again from the first page";
            Outcome::new(IssueType::Invalid, text)
        })?;
        if owner != self.owner() {
            return Err(Outcome::new(IssueType::NotFound, "There is no such page"));
        }
        Ok(turn)
    }

    fn read(&self, question: &Question, cursor: &str) -> Option<(Vec<u8>, Turn)> {
        let mut sealed = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (nonce, text) = sealed.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let of = self.of(question);
        let text = self.cipher()?.open_in_place(nonce, Aad::from(of.as_bytes()), text).ok()?;
        let (owner, text) = text.split_at_checked(OWNER_BYTES)?;
        let (way, position) = text.split_first()?;
        let position = String::from_utf8(position.to_vec()).ok()?;
        let turn = match way {
            b'>' => Turn::After(position),
            b'<' => Turn::Before(position),
            _ => return None,
        };
        Some((owner.to_vec(), turn))
    }

    /// What a cursor belongs to.
    fn of(&self, question: &Question) -> String {
        format!("{}/{}?{}", self.project, self.ty, question.criteria())
    }

    fn owner(&self) -> Vec<u8> {
        let mut owner = self.key.sign("bearer", self.bearer.as_bytes());
        owner.truncate(OWNER_BYTES);
        owner
    }

    fn cipher(&self) -> Option<LessSafeKey> {
        let key = self.key.sign("cursor", &[]);
        UnboundKey::new(&AES_256_GCM, &key).ok().map(LessSafeKey::new)
    }
}
