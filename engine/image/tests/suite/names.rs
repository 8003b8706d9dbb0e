// SPDX-License-Identifier: Apache-2.0
//! Finding images by name and id.

use crate::support::{Fixture, image_archive, text};

fn missing(fixture: &Fixture, name: &str) -> String {
    text(&fixture.store.resolve(name).unwrap_err())
}

#[test]
fn resolve_finds_by_name_digest_id_and_prefix() {
    let fixture = Fixture::new();
    let id = fixture.load(&image_archive("busybox:latest", "x")).unwrap()[0].id;
    let hex = id.hex();
    for name in [
        "busybox".to_owned(),
        "busybox:latest".to_owned(),
        "docker.io/library/busybox".to_owned(),
        "index.docker.io/busybox:latest".to_owned(),
        format!("busybox@sha256:{hex}"),
        format!("busybox:whatever@sha256:{hex}"),
        hex.clone(),
        format!("sha256:{hex}"),
        hex[..12].to_owned(),
        hex[..4].to_owned(),
        format!("sha256:{}", &hex[..6]),
    ] {
        assert_eq!(fixture.resolve(&name).id, id, "{name}");
    }
    let error = missing(&fixture, &format!("other@sha256:{hex}"));
    assert_eq!(error, format!("No such image: other@sha256:{hex}"));
    assert_eq!(missing(&fixture, &hex[..3]), format!("No such image: {}:latest", &hex[..3]));
}

#[test]
fn resolve_missing_image_says_so_in_dockers_words() {
    let fixture = Fixture::new();
    assert_eq!(missing(&fixture, "x"), "No such image: x:latest");
    assert_eq!(missing(&fixture, "a/b:c"), "No such image: a/b:c");
    assert_eq!(missing(&fixture, "docker.io/library/x:1"), "No such image: x:1");
    let id = "0".repeat(64);
    assert_eq!(missing(&fixture, &format!("sha256:{id}")), format!("No such image: sha256:{id}"));
    assert_eq!(
        missing(&fixture, "A"),
        "invalid reference format: repository name (library/A) must be lowercase"
    );
    for bad in ["", "../../etc", "a b", "a:b:c", "\0"] {
        assert_eq!(missing(&fixture, bad), "invalid reference format", "{bad:?}");
    }
    let error = fixture.store.resolve("x").unwrap_err();
    assert_eq!(error.kind(), brig_report::Kind::NotFound);
}

#[test]
fn resolve_ambiguous_prefix_is_refused() {
    let fixture = Fixture::new();
    // Among 400 ids some share four digits with near certainty (a birthday in 65536).
    let mut ids = std::collections::BTreeMap::new();
    let shared = (0..2000).find_map(|n| {
        let id = fixture.load(&image_archive("", &n.to_string())).unwrap()[0].id.hex();
        ids.insert(id[..4].to_owned(), id.clone()).map(|_| id[..4].to_owned())
    });
    let prefix = shared.expect("two of 2000 ids share four digits");
    assert_eq!(
        missing(&fixture, &prefix),
        format!("multiple IDs found with provided prefix: {prefix}")
    );
}

#[test]
fn tag_adds_a_name_and_moves_it() {
    let fixture = Fixture::new();
    let one = fixture.load(&image_archive("one:1", "1")).unwrap()[0].id;
    let two = fixture.load(&image_archive("two:2", "2")).unwrap()[0].id;
    assert_eq!(fixture.store.tag("one:1", "reg.io:5000/x").unwrap(), None);
    assert_eq!(fixture.resolve("reg.io:5000/x:latest").id, one);
    assert_eq!(fixture.store.references_of(&one).unwrap(), ["one:1", "reg.io:5000/x:latest"]);
    assert_eq!(fixture.store.tag("two:2", "reg.io:5000/x").unwrap(), Some(one));
    assert_eq!(fixture.resolve("reg.io:5000/x").id, two);
    let error = text(&fixture.store.tag("gone", "x").unwrap_err());
    assert_eq!(error, "No such image: gone:latest");
    let error = text(&fixture.store.tag("one:1", "X").unwrap_err());
    assert!(error.starts_with("invalid reference format"), "{error}");
    let long = format!("{}:{}", "a".repeat(230), "t".repeat(128));
    fixture.store.tag("one:1", &long).unwrap();
    assert_eq!(fixture.resolve(&long).id, one);
}

#[test]
fn resolve_damaged_store_is_an_error_not_a_panic() {
    let fixture = Fixture::new();
    let id = fixture.load(&image_archive("a:1", "x")).unwrap()[0].id;
    let manifest = fixture.root().join("images/manifests").join(id.hex());
    let good = std::fs::read(&manifest).unwrap();
    for bad in [&b"{}"[..], b"", &good[..good.len() - 1], &[0xff; 100]] {
        std::fs::write(&manifest, bad).unwrap();
        assert!(missing(&fixture, "a:1").contains("is damaged"), "{bad:?}");
        let list = fixture.store.list().unwrap();
        assert!(list[0].damage.is_some());
    }
    std::fs::write(&manifest, &good).unwrap();
    let layers = fixture.root().join("layers");
    let hex = &crate::support::names(&layers)[0];
    std::fs::write(layers.join(hex).join("layer.json"), "{").unwrap();
    assert!(missing(&fixture, "a:1").contains("layer.json"));
    std::fs::rename(layers.join(hex), fixture.root().join("away")).unwrap();
    assert!(missing(&fixture, "a:1").contains("is missing"));
    let refs = fixture.root().join("images/refs");
    std::fs::write(refs.join(&crate::support::names(&refs)[0]), "\0").unwrap();
    assert!(missing(&fixture, "a:1").contains("record"));
    fixture.store.list().unwrap();
    // A load of the same archive repairs what is gone.
    brig_state::tree::remove(&fixture.root().join("away")).unwrap();
    fixture.load(&image_archive("a:1", "x")).unwrap();
    assert_eq!(fixture.resolve("a:1").id, id);
}
