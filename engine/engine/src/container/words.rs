// SPDX-License-Identifier: Apache-2.0
//! Words for generated names: brig's own short lists; people of computing and science.

/// First half.
pub(crate) const ADJECTIVES: &[&str] = &[
    "able", "agile", "airy", "amber", "apt", "awake", "balmy", "basic", "brave", "bright", "brisk",
    "calm", "candid", "careful", "cheery", "civil", "clear", "clever", "cosy", "crisp", "curious",
    "dapper", "daring", "deft", "eager", "earnest", "easy", "exact", "fair", "famous", "fleet",
    "fluent", "fond", "frank", "fresh", "gentle", "gifted", "glad", "golden", "grand", "handy",
    "happy", "hardy", "honest", "humble", "ideal", "jolly", "keen", "kind", "light", "limber",
    "lively", "lucid", "lucky", "mellow", "merry", "modest", "neat", "nimble", "noble", "patient",
    "plucky", "polite", "proud", "quick", "quiet", "rapid", "ready", "robust", "rosy", "serene",
    "sharp", "silent", "simple", "smart", "smooth", "snug", "sober", "solid", "spry", "stable",
    "steady", "stoic", "sturdy", "subtle", "sunny", "swift", "tidy", "tranquil", "trusty", "upbeat",
    "vivid", "warm", "wise", "witty", "zesty",
];

/// Second half.
pub(crate) const SURNAMES: &[&str] = &[
    "abel", "agnesi", "allen", "archimedes", "babbage", "backus", "bardeen", "bartik", "bell",
    "bohr", "boole", "borg", "bose", "brahe", "brattain", "carson", "cerf", "chomsky", "church",
    "clarke", "codd", "conway", "cori", "cray", "curie", "darwin", "davinci", "dijkstra", "dirac",
    "easley", "edison", "einstein", "elion", "engelbart", "erdos", "euclid", "euler", "faraday",
    "fermat", "fermi", "feynman", "franklin", "galileo", "galois", "gauss", "germain", "godel",
    "goldberg", "goodall", "gosling", "hamilton", "haskell", "hawking", "heisenberg", "hellman",
    "hertz", "herschel", "hodgkin", "holberton", "hopper", "hypatia", "johnson", "joliot", "kepler",
    "kernighan", "khorana", "kilby", "knuth", "kovalevskaya", "lamarr", "lamport", "leavitt",
    "leibniz", "lovelace", "lovell", "margulis", "maxwell", "mccarthy", "mcclintock", "meitner",
    "mendel", "minsky", "morse", "napier", "nash", "neumann", "newton", "nobel", "noether", "noyce",
    "pascal", "pasteur", "payne", "perlman", "pike", "planck", "poincare", "ramanujan", "rhodes",
    "ride", "ritchie", "rosalind", "rubin", "sammet", "shannon", "shaw", "sinoussi", "snyder",
    "spence", "stallman", "swartz", "tesla", "tharp", "thompson", "torvalds", "turing", "varahamihira",
    "villani", "volhard", "wiles", "wilkes", "wing", "wirth", "wright", "wu", "yalow", "yonath",
];
