//! How a question is answered: it is kept, compared, and settled, whatever becomes of it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use auth::Principal;
use fhir_model::{IssueType, Outcome, ResourceType};
use storage::{
    Vault, Version,
    accounts::{Question as Kept, Reply, Whose},
};
use tokio::{runtime::Handle, time::timeout};

use super::{
    cells::{self, PATIENTS_MIN, Room},
    compare::{Beside, Earlier, listed},
    found::{Found, List},
    link::Path,
    memory::Asked,
    page::{Page, Source, Turn, too_much},
    question::Question,
    shown::Show,
    study,
};
use crate::{Answer, bundle::Bundle};

/// How long an answer may take, with all that it is compared with.
const TIME_MAX: Duration = Duration::from_secs(15);

/// Patients of whom is looked with a further page whether enough of them are left.
const LOOKED_AT: usize = 22;

/// Who asks.
#[derive(Clone, Copy)]
pub(super) struct By<'v> {
    pub(super) who: &'v Arc<Principal>,
    /// As the list of questions names them.
    pub(super) asker: &'v str,
    pub(super) client: &'v str,
}

/// What is asked of a study, by whom.
pub(super) struct View<'v> {
    pub(super) by: By<'v>,
    pub(super) question: &'v Question,
    pub(super) path: &'v Path<'v>,
    pub(super) source: Source<'v>,
    pub(super) asked: &'v Asked,
}

impl View<'_> {
    /// Keeps the question before it is answered, so that whoever asks at the same time knows of it.
    ///
    /// # Errors
    /// `throttled` when the budget is spent, `too-costly`, or the database's own trouble.
    pub(super) async fn ask(&self, turn: &Turn) -> Result<Answer, Outcome> {
        let fhir = self.source.fhir;
        let id = fhir.vault.accounts().keep_question(self.kept(), fhir.study_questions).await?;
        let mut open = Open { vault: fhir.vault.clone(), id: Some(id) };
        match in_time(self.answer(turn)).await {
            Ok(Some(answer)) => {
                open.settle(Reply::Answered).await?;
                Ok(answer)
            }
            Ok(None) => {
                // no page rests on what was not told
                fhir.studies.forget(self.asked);
                open.settle(Reply::Withheld).await?;
                Ok(self.withheld())
            }
            Err(refusal) => {
                open.settle(Reply::Refused).await?;
                Err(refusal)
            }
        }
    }

    fn kept(&self) -> Kept<'_> {
        Kept {
            project: &self.asked.project,
            bearer: self.by.asker,
            client: self.by.client,
            ty: self.asked.ty,
            query: &self.asked.criteria,
        }
    }

    /// `None`: withheld.
    async fn answer(&self, turn: &Turn) -> Result<Option<Answer>, Outcome> {
        let source = self.source;
        let before = self.earlier().await?;
        let room = Room::new(source.fhir, source.permit, source.ty)?;
        if !room.tells_of_enough(source.plan).await? {
            return Ok(None);
        }
        let is_listed = self.question.count() > 0;
        let found = if is_listed || !before.is_empty() {
            let found = source.found().await;
            if is_listed { found? } else { listed(found)? }
        } else {
            Found::TooMuch
        };
        source.fhir.studies.keep(self.asked.clone(), found.clone());
        let beside = Beside { source, room: &room, asked: self.asked, found: &found };
        if beside.differs_by_few(&before).await? {
            return Ok(None);
        }
        let mut bundle = self.bundle();
        if self.question.wants_total() {
            bundle.total(source.fhir.vault.count(source.permit, source.plan).await?);
        }
        let page = match (is_listed, &found) {
            (false, _) => None,
            (true, Found::All(list)) => {
                let page = list.page(turn, self.rows());
                let versions = source.versions(page.ids.clone()).await?;
                Some((page, versions))
            }
            (true, Found::TooMuch) => return Err(too_much()),
        };
        self.shown(bundle, page).await.map(Some)
    }

    /// A further page of what was answered: no new question, but judged anew.
    ///
    /// # Errors
    /// `too-costly`, or the database's own trouble.
    pub(super) async fn further(&self, list: &List, turn: &Turn) -> Result<Answer, Outcome> {
        let source = self.source;
        let page = list.page(turn, self.rows());
        let own: BTreeSet<Box<str>> = page.ids.iter().cloned().collect();
        let looked = own.iter().cloned().chain(list.of_patients(LOOKED_AT));
        let looked: BTreeSet<Box<str>> = looked.collect();
        let mut versions = source.versions(looked.into_iter().collect()).await?;
        let ids: BTreeSet<&str> = versions.iter().map(|version| &*version.id).collect();
        let enough = usize::try_from(PATIENTS_MIN).unwrap_or(usize::MAX);
        if list.patients_of(&ids) < enough {
            // the others may be enough
            let room = Room::new(source.fhir, source.permit, source.ty)?;
            if !room.has_enough(source.plan).await? {
                return Ok(self.withheld());
            }
        }
        versions.retain(|version| own.contains(&*version.id));
        self.shown(self.bundle(), Some((page, versions))).await
    }

    fn rows(&self) -> usize {
        usize::try_from(self.question.count()).unwrap_or(usize::MAX)
    }

    fn bundle(&self) -> Bundle {
        let vault = &self.source.fhir.vault;
        let mut bundle = Bundle::with_identity("searchset", &vault.new_id(), vault.clock().now());
        self.path.link_self(&mut bundle, self.question);
        bundle
    }

    fn withheld(&self) -> Answer {
        let mut bundle = self.bundle();
        bundle.remark(&self.source.fhir.vault.new_id(), &cells::withheld());
        Answer { shown: Some(Vec::new()), ..Answer::ok(bundle.finish()) }
    }

    async fn shown(
        &self,
        mut bundle: Bundle,
        page: Option<(Page, Vec<Version>)>,
    ) -> Result<Answer, Outcome> {
        let Source { fhir, permit, key, .. } = self.source;
        let mut patients = Vec::new();
        if let Some((page, versions)) = page {
            self.path.link_pages(&mut bundle, self.question, &page);
            let show = Show { fhir, permit, key };
            patients = show.enter(&mut bundle, &self.path.base(), &versions).await?;
        }
        Ok(Answer { shown: Some(patients), ..Answer::ok(bundle.finish()) })
    }

    /// The plans of earlier questions: of this study, of all that its people can enter, and of who asks. One that this
    /// version does not understand any more was answered by another.
    async fn earlier(&self) -> Result<Vec<Earlier>, Outcome> {
        let (fhir, own) = (self.source.fhir, self.kept());
        let accounts = fhir.vault.accounts();
        let count = fhir.study_questions.max(cells::COMPARED_MIN);
        let mut asked = BTreeSet::new();
        asked.extend(accounts.questions_before(own, (Whose::Asker, count)).await?);
        for project in study::related(fhir, self.by.who, own.project).await? {
            let kept = Kept { project: &project, ..own };
            asked.extend(accounts.questions_before(kept, (Whose::Study, count)).await?);
        }
        let understood = |(ty, criteria): (String, String)| {
            let ty = ResourceType::named(&ty)?;
            let query = crate::Query::parse(&criteria).ok()?;
            let plan = Question::parse(ty, query).and_then(|question| question.plan(fhir)).ok()?;
            Some(Earlier { ty, plan, criteria })
        };
        Ok(asked.into_iter().filter_map(understood).collect())
    }
}

/// A question that is not settled yet. When nobody waits for it any more, it was not answered.
struct Open {
    vault: Vault,
    id: Option<String>,
}

impl Open {
    async fn settle(&mut self, reply: Reply) -> Result<(), Outcome> {
        if let Some(id) = &self.id {
            self.vault.accounts().settle_question(id, reply).await?;
        }
        self.id = None;
        Ok(())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let (Some(id), Ok(handle)) = (self.id.take(), Handle::try_current()) else { return };
        let vault = self.vault.clone();
        handle.spawn(async move {
            if let Err(no) = vault.accounts().settle_question(&id, Reply::Refused).await {
                tracing::warn!(outcome = %no, "a question of a study stays open");
            }
        });
    }
}

/// # Errors
/// `too-costly` when it takes too long.
pub(super) async fn in_time<T>(
    work: impl Future<Output = Result<T, Outcome>>,
) -> Result<T, Outcome> {
    within(TIME_MAX, work).await
}

async fn within<T>(
    time_max: Duration,
    work: impl Future<Output = Result<T, Outcome>>,
) -> Result<T, Outcome> {
    timeout(time_max, work).await.unwrap_or_else(|_| {
        let text = "The answer, and what it is compared with, takes too long; ask for less";
        Err(Outcome::new(IssueType::TooCostly, text))
    })
}

#[cfg(test)]
mod tests {
    use storage::{Clock, Options};

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_question_that_nobody_waits_for_was_not_answered() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("vault.sqlite").display());
        let options = Options {
            url: url.parse().unwrap(),
            clock: Clock::system(),
            base: "http://localhost/fhir".to_owned(),
            connections_max: 1,
        };
        let vault = Vault::open(&options).await.unwrap();
        let asked = Kept { project: "p", bearer: "b", client: "", ty: "Patient", query: "" };
        let other = Kept { query: "gender=male", ..asked };
        let of_study = (Whose::Study, 9);
        let before =
            async || vault.accounts().questions_before(other, of_study).await.unwrap().len();
        // two a day, and none of those that were not answered counts
        for _ in 0..3 {
            let id = vault.accounts().keep_question(asked, 2).await.unwrap();
            assert_eq!(before().await, 1);
            drop(Open { vault: vault.clone(), id: Some(id) });
            for _ in 0..500 {
                if before().await == 0 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert_eq!(before().await, 0);
        }
        let id = vault.accounts().keep_question(asked, 2).await.unwrap();
        let mut open = Open { vault: vault.clone(), id: Some(id) };
        open.settle(Reply::Answered).await.unwrap();
        drop(open);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(before().await, 1);
    }

    #[tokio::test]
    async fn an_answer_takes_no_longer_than_it_may() {
        let soon = Duration::from_millis(5);
        let long = within(soon, std::future::pending::<Result<(), Outcome>>()).await;
        assert_eq!(long.unwrap_err().status(), 422);
        assert_eq!(within(soon, async { Ok(7) }).await, Ok(7));
    }
}
