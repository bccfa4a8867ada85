//! Which constraint keeps the beds away from a request that no free bed is feasible for.

use std::collections::{BTreeMap, BTreeSet};

use crate::code::CodeSet;
use crate::constraint::{Constraint, by_hospital, by_kind, by_state};
use crate::request::Needs;
use crate::scene::{Asked, Scene};

/// Sets of constraints that the beds of a hospital break by what they are and by their state, for a profile.
type Broken = BTreeSet<CodeSet<Constraint>>;

/// Looks at all beds, once for each profile that asks.
#[derive(Debug)]
pub(crate) struct Blocking<'a> {
    scene: &'a Scene<'a>,
    /// By profile: by hospital.
    of_profile: BTreeMap<usize, Vec<Broken>>,
}

impl<'a> Blocking<'a> {
    pub(crate) fn new(scene: &'a Scene<'a>) -> Self {
        Self { scene, of_profile: BTreeMap::new() }
    }

    /// Of a request with this profile: each constraint that alone keeps a bed away; if there is none, those that
    /// keep the best bed away together; if there is no bed at all, none.
    pub(crate) fn of(
        &mut self,
        (request, from): Asked<'_>,
        (profile, needs): (usize, &Needs),
    ) -> Vec<Constraint> {
        let scene = self.scene;
        let broken = self.of_profile.entry(profile).or_insert_with(|| by_profile(scene, needs));
        let mut alone = BTreeSet::new();
        let mut fewest: Option<(u32, CodeSet<Constraint>)> = None;
        for (n, (of_beds, (hospital, _))) in broken.iter().zip(&scene.hospitals).enumerate() {
            let metres = scene.metres(from, n);
            let of_hospital: Vec<_> = by_hospital(request, &hospital.id, metres).collect();
            for of_bed in of_beds {
                let all: CodeSet<_> = of_hospital.iter().copied().chain(of_bed.iter()).collect();
                if all.len() == 1 {
                    alone.extend(all.iter());
                }
                let all = (all.len(), all);
                fewest = Some(fewest.map_or(all, |fewest| fewest.min(all)));
            }
        }
        match (alone.is_empty(), fewest) {
            (false, _) => alone.into_iter().collect(),
            (true, Some((_, all))) => all.iter().collect(),
            (true, None) => Vec::new(),
        }
    }
}

fn by_profile(scene: &Scene<'_>, needs: &Needs) -> Vec<Broken> {
    let mut of_hospital = vec![Broken::new(); scene.hospitals.len()];
    for (hospital, bed) in &scene.beds {
        let broken = by_kind(needs, &bed.kind, scene.policy).chain(by_state(bed)).collect();
        if let Some(of_hospital) = of_hospital.get_mut(*hospital) {
            of_hospital.insert(broken);
        }
    }
    of_hospital
}
