//! Why something was refused, worked out after the answer: nobody who was refused can tell from how long it took.

use auth::Action;
use fhir_model::ResourceType;
use storage::{Access, Key, Vault};

use super::Note;

/// The longest text that is kept.
const BYTES_MAX: usize = 8 << 10;

/// Why, a line each; `None` of what was not refused for who asked.
pub(super) async fn of(vault: &Vault, note: &Note, access: &Access) -> Option<String> {
    if !matches!(note.status, 403 | 404 | 422) {
        return None;
    }
    let ty = ResourceType::named(note.asked.path.first()?)?;
    let action = match &*access.interaction {
        "create" => Action::Create,
        "update" | "patch" => Action::Update,
        "delete" => Action::Delete,
        interaction if interaction.starts_with("search") => Action::Search,
        _ => Action::Read,
    };
    let said = match note.asked.path.as_slice() {
        [_, id, rest @ ..] if !id.starts_with(['_', '$']) => {
            let version = match rest {
                [history, version, ..] if history == "_history" => version.parse().ok(),
                _ => None,
            };
            vault.why_closed(&note.who, action, (&Key::new(ty, id.as_str()), version)).await
        }
        _ => Ok(general(note, action, ty)),
    };
    let mut said = match said {
        Ok(said) => said.join("\n"),
        Err(refusal) => {
            tracing::warn!(refusal = ?refusal.issues().first(), "why it was refused was not found");
            return None;
        }
    };
    if said.len() > BYTES_MAX {
        said.truncate(said.floor_char_boundary(BYTES_MAX));
    }
    (!said.is_empty()).then_some(said)
}

/// Of what names no resource: by what it might have been allowed.
fn general(note: &Note, action: Action, ty: ResourceType) -> Vec<String> {
    let ways = note.who.ways(action, ty);
    if ways.is_empty() {
        return vec![storage::no_way(&note.who, action, ty)];
    }
    ways.into_iter().map(|way| format!("{}: not within these rows", way.name)).collect()
}
