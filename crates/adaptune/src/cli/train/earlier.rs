//! What a training that another goes on from has seen of the same data.

use super::start::Start;
use adaptune_text::{Aside, DataFile};

/// An earlier training on the same data.
pub(super) struct Earlier {
    folder: String,
    /// What it kept aside of them, if anything.
    aside: Option<Aside>,
}

impl Earlier {
    /// That of a start, if it was on these training data, as far as their content is known.
    pub(super) fn on_these(start: &Start, data: &[DataFile]) -> Option<Self> {
        fn trained(data: &[DataFile]) -> Vec<Option<&String>> {
            data.iter().filter(|file| file.part == "train").map(|file| file.sha256.as_ref()).collect()
        }
        let before = &start.run()?.data;
        let same = trained(before) == trained(data) && trained(data).iter().all(Option::is_some);
        let aside = before.iter().find_map(|file| file.aside);
        same.then(|| Self { folder: start.folder.display().to_string(), aside })
    }

    /// How examples are kept aside: drawn as the earlier training drew them, so that none is measured on that it learnt.
    pub(super) fn aside(earlier: Option<&Self>, share: f64, seed: u64) -> Aside {
        let before = earlier.and_then(|earlier| earlier.aside);
        before.map_or(Aside::new(share, seed), |before| Aside { share, ..before })
    }

    /// What is to be known of those that are kept aside now.
    pub(super) fn told(&self, now: Aside) -> String {
        let folder = &self.folder;
        match self.aside {
            Some(before) if now.share <= before.share => format!(
                "they are of those that {folder} kept aside (drawn by its seed {}), so neither training learns from them",
                before.seed
            ),
            Some(before) => format!(
                "{folder} kept {:.0} % aside and learnt from the others, some of which are measured on now: scores are too high; --dev \
                 {:.0}% or less measures on none of them",
                100.0 * before.share,
                100.0 * before.share
            ),
            None => format!(
                "{folder} was trained on all of these data, so it has learnt from those that are kept aside now: scores are too high; \
                 measure on a file of its own (--dev FILE)"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaptune_text::Draw;

    #[test]
    fn examples_are_kept_aside_as_before() {
        let aside = Aside::new;
        let earlier = Earlier { folder: "a".into(), aside: Some(aside(0.25, 3)) };
        assert_eq!(Earlier::aside(Some(&earlier), 0.1, 9), aside(0.1, 3));
        assert_eq!(Earlier::aside(None, 0.1, 9), aside(0.1, 9));
        let older = Aside { draw: Draw::Examples, ..aside(0.25, 3) };
        let now = Earlier::aside(Some(&Earlier { folder: "a".into(), aside: Some(older) }), 0.1, 9);
        assert_eq!(now, Aside { share: 0.1, ..older }, "as an older version drew");
        assert!(earlier.told(aside(0.1, 3)).contains("of those that a kept aside (drawn by its seed 3)"));
        assert!(earlier.told(aside(0.5, 3)).contains("a kept 25 % aside"));
        let whole = Earlier { folder: "a".into(), aside: None };
        assert_eq!(Earlier::aside(Some(&whole), 0.1, 9), aside(0.1, 9));
        assert!(whole.told(aside(0.1, 9)).contains("trained on all of these data"));
    }
}
