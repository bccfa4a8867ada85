//! A step for each of many items on all processors: what a batch of ten thousand resources needs before they are
//! written.

use std::{num::NonZero, sync::LazyLock, thread};

/// Fewer items than these are not worth another thread.
const WORTH_IT: usize = 64;

/// Asked once: to tell, the standard library reads half a dozen files.
static CORES: LazyLock<usize> =
    LazyLock::new(|| thread::available_parallelism().map_or(1, NonZero::get));

/// Does the step for each item, on all processors if there are many; the results in the order of the items.
pub fn on_all_cores<T: Send, R: Send>(mut items: Vec<T>, step: impl Fn(T) -> R + Sync) -> Vec<R> {
    let cores = (*CORES).min(items.len() / WORTH_IT);
    if cores < 2 {
        return items.into_iter().map(step).collect();
    }
    let share = items.len().div_ceil(cores);
    let mut shares = Vec::with_capacity(cores);
    while items.len() > share {
        shares.push(items.split_off(items.len() - share));
    }
    shares.push(items);
    thread::scope(|scope| {
        let step = &step;
        let work = |share: Vec<T>| move || share.into_iter().map(step).collect::<Vec<R>>();
        let threads: Vec<_> =
            shares.into_iter().rev().map(|share| scope.spawn(work(share))).collect();
        let done = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        done.flatten().collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_of_the_items() {
        for many in [0, 1, WORTH_IT, 2 * WORTH_IT, 2 * WORTH_IT + 1, 1_001] {
            let doubled = on_all_cores((0..many).collect(), |n| n * 2);
            assert!(doubled.into_iter().eq((0..many).map(|n| n * 2)), "{many}");
        }
    }
}
