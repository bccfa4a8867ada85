//! Binaries: who may read what `Binary.securityContext` names may read the content.
//! <https://hl7.org/fhir/R4/binary-definitions.html#Binary.securityContext>

use fhir_model::{ResourceType, TypeId};
use search::{Filter, SECURITY_CONTEXT, TypePlan};

use super::Rows;
use crate::{Action, Principal};

/// That it stands under something that they may read. One Binary does not open another.
pub(super) fn open(who: &Principal) -> Filter {
    let target = |ty: &ResourceType| {
        let filters = match who.rows(Action::Read, *ty) {
            Rows::All => Vec::new(),
            Rows::None => return None,
            Rows::Where(filter) => vec![Filter::clone(&filter)],
        };
        Some(TypePlan { ty: *ty, filters })
    };
    let others = ResourceType::all().iter().filter(|ty| ty.ty() != TypeId::BINARY);
    Filter::Chain { params: vec![SECURITY_CONTEXT], targets: others.filter_map(target).collect() }
}
