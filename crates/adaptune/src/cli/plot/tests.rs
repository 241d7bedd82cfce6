//! Tests of the picture: what it holds, that it is the same each time, and that bad points do no harm.

use super::*;

/// A loss that falls with noise; the same each time.
fn falling(steps: usize) -> Vec<(usize, f64)> {
    let noise = |i: usize| ((i * 7919 + 13) % 101) as f64 / 101.0 - 0.5;
    (1..=steps).map(|i| (i, 0.2 + 0.5 * (-(i as f64) / (steps as f64 / 4.0)).exp() + 0.2 * noise(i))).collect()
}

fn curves<'a>(training: &'a [(usize, f64)], dev_metric: &'a [(usize, f64)], metric_name: &'a str) -> Curves<'a> {
    Curves { training, dev_metric, metric_name, dev_loss: &[] }
}

fn picture(points: &[(usize, f64)], dev: &[(usize, f64)]) -> String {
    drawn(&curves(points, dev, "accuracy"))
}

fn drawn(curves: &Curves<'_>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("loss.svg");
    loss_curve(&path, curves).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left behind");
    std::fs::read_to_string(path).unwrap()
}

fn polylines(svg: &str) -> Vec<&str> {
    svg.lines().filter(|line| line.starts_with("<polyline")).collect()
}

#[test]
fn both_panels_are_drawn_with_names() {
    let svg = picture(&falling(300), &[(100, 0.7), (200, 0.8), (300, 0.85)]);
    assert!(svg.starts_with("<svg width=\"860\" height=\"670\" viewBox=\"0 0 1720 1340\""), "{}", &svg[..80]);
    for name in ["Loss", "Development data: accuracy", "each step", "smoothed", "step", "loss", "accuracy"] {
        assert!(svg.lines().any(|line| line == name), "{name}");
    }
    assert_eq!(svg.matches("<circle").count(), 3);
    assert!(svg.trim_end().ends_with("</svg>"));
}

#[test]
fn without_development_data_there_is_one_panel() {
    let svg = picture(&falling(40), &[]);
    assert!(svg.starts_with("<svg width=\"860\" height=\"400\""));
    assert!(!svg.contains("Development") && !svg.contains("<circle"));
}

#[test]
fn the_loss_on_development_data_is_drawn_with_that_of_training() {
    let (training, dev) = (falling(300), [(100, 0.4), (200, 0.35), (300, f64::NAN)]);
    let (with, without) = (Curves { dev_loss: &dev, ..curves(&training, &[], "f1") }, curves(&training, &[], "f1"));
    let (with, without) = (drawn(&with), drawn(&without));
    assert!(with.lines().any(|line| line == "development data") && !without.contains("development data"));
    assert_eq!((with.matches("<circle").count(), without.matches("<circle").count()), (2, 0));
    // A loss above all of training's is on the axis too.
    let high = drawn(&Curves { dev_loss: &[(100, 90.0)], ..curves(&training, &[], "f1") });
    assert!(high.lines().any(|line| line.starts_with("80")), "{high}");
}

#[test]
fn the_same_points_give_the_same_bytes() {
    let points = falling(2500);
    assert_eq!(picture(&points, &[(9, 0.5)]), picture(&points, &[(9, 0.5)]));
    assert_ne!(picture(&points, &[(9, 0.5)]), picture(&points, &[(9, 0.6)]));
}

#[test]
fn points_that_are_not_finite_are_left_out() {
    let mut points = falling(50);
    let clean = picture(&points, &[(10, 0.5)]);
    points.insert(7, (8, f64::NAN));
    points.push((51, f64::INFINITY));
    points.push((52, f64::MAX));
    let svg = picture(&points, &[(10, 0.5), (20, f64::NAN), (30, f64::NEG_INFINITY)]);
    assert_eq!(svg, clean);
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
}

#[test]
fn with_nothing_to_draw_the_old_picture_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("loss.svg");
    std::fs::write(&path, "old").unwrap();
    for points in [&[][..], &[(1, f64::NAN)]] {
        let message = loss_curve(&path, &curves(points, &[(1, 0.5)], "f1")).unwrap_err().to_string();
        assert!(message.contains("no finite training loss"), "{message}");
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
    let message =
        loss_curve(&folder.path().join("no/such.svg"), &curves(&falling(9), &[], "f1")).unwrap_err().to_string();
    assert!(message.starts_with("cannot write ") && message.contains("such.svg"), "{message}");
}

#[test]
fn odd_runs_can_be_drawn() {
    assert_eq!(picture(&[(7, 0.5)], &[]).matches("<circle").count(), 1, "one step is a mark");
    let odd = [
        [(0, 0.0), (1, 0.0)],
        [(1, -3.0), (2, -3.0)],
        [(1, 1e-12), (2, 2e-12)],
        [(1, 1e30), (9, -1e30)],
        [(1, 1e16), (2, 1e16 + 2.0)],
        [(usize::MAX - 5000, 0.5), (usize::MAX, 0.25)],
    ];
    for points in odd {
        let (svg, without) = (picture(&points, &points), picture(&points, &[]));
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(polylines(&svg).len() > polylines(&without).len(), "{points:?}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{points:?}");
    }
}

#[test]
fn only_whole_steps_are_named() {
    assert_eq!([0.0, 0.2, 1.0, 12_000.000_000_1, 7.5].map(|step| step_label(&step)), ["0", "", "1", "12,000", ""]);
}

#[test]
fn values_are_named_shortly() {
    assert_eq!(value_label(0.25, 2), "0.25");
    assert_eq!(value_label(-999_999.0, 0), "-999999");
    assert_eq!(value_label(2_500_000.0, 0), "2.5e6");
}

#[cfg(unix)]
#[test]
fn the_picture_is_an_ordinary_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let [ordinary, drawn] = ["ordinary", "loss.svg"].map(|name| folder.path().join(name));
    std::fs::write(&ordinary, "").unwrap();
    loss_curve(&drawn, &curves(&falling(5), &[], "f1")).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&drawn), mode(&ordinary));
}

#[test]
fn names_are_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("loss.svg");
    loss_curve(&path, &curves(&falling(5), &[(1, 1.0)], "<script>&")).unwrap();
    let svg = std::fs::read_to_string(path).unwrap();
    assert!(svg.contains("&lt;script&gt;&amp;") && !svg.contains("<script>"));
}

#[test]
fn long_runs_keep_their_extremes() {
    let mut points: Vec<(f64, f64)> = (0..50_000).map(|i| (f64::from(i), 1.0 + f64::from(i % 7) * 0.01)).collect();
    points[31_234].1 = 9.0;
    points[31_240].1 = 0.125;
    let thin = thinned(&points);
    assert!(thin.len() <= MOST_POINTS && thin.len() > MOST_POINTS / 2, "{}", thin.len());
    assert!(thin.contains(&(31_234.0, 9.0)) && thin.contains(&(31_240.0, 0.125)));
    assert!(thin.windows(2).all(|pair| pair[0].0 <= pair[1].0), "in the order of steps");
    assert_eq!(thinned(&points[..100]), &points[..100]);
    let curve = sampled(&points);
    assert!(curve.len() <= MOST_POINTS / 4 && curve.last() == points.last() && sampled(&points[..3]) == points[..3]);
}

#[test]
fn smoothing_starts_at_the_first_loss_and_follows() {
    let smooth = smoothed(&[(1.0, 8.0), (2.0, 4.0), (3.0, 4.0)]);
    // beta is 3/4: (8 * 3/16 + 4 * 1/4) / (7/16) and so on.
    assert_eq!(smooth[0], (1.0, 8.0));
    assert!((smooth[1].1 - 40.0 / 7.0).abs() < 1e-12, "{}", smooth[1].1);
    assert!((smooth[2].1 - 4.0 * (1.0 + 9.0 / 37.0)).abs() < 1e-12, "{}", smooth[2].1);
}

#[test]
fn axes_have_room_and_enough_decimals() {
    assert_eq!(padded_values([1.0, 3.0].into_iter()), 0.88..3.12);
    assert_eq!(padded_values([0.0, 1.0].into_iter()), 0.0..1.06);
    assert_eq!(padded_values([5.0].into_iter()), 4.5..5.5);
    assert_eq!(padded_values([-1.0, 1.0].into_iter()).start, -1.12);
    assert_eq!(padded_steps([1.0].into_iter()), 0.5..1.5);
    for (spread, places) in [(100.0, 0), (9.0, 0), (2.0, 1), (0.9, 1), (0.24, 2), (0.05, 3), (0.0009, 4)] {
        assert_eq!(decimals(&(1.0..1.0 + spread)), places, "{spread}");
    }
}
