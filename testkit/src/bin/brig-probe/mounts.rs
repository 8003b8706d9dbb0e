// SPDX-License-Identifier: Apache-2.0
//! The mount table as this process sees it.

use crate::{Answer, Args, Failure};
use serde_json::{Value, json};
use std::fs;

pub(crate) fn answer(args: &Args<'_>) -> Option<Answer> {
    Some(match args.verb {
        "mounts" => table(args),
        "mount-of" => args.text(0).and_then(|target| {
            let all = parse()?;
            // The last one at a place hides the earlier ones.
            all.into_iter()
                .rev()
                .find(|mount| mount["target"] == target)
                .map(|mount| mount.to_string())
                .ok_or_else(|| Failure::Text(format!("nothing is mounted on {target}")))
        }),
        _ => return None,
    })
}

fn table(_: &Args<'_>) -> Answer {
    Ok(Value::Array(parse()?).to_string())
}

fn parse() -> Result<Vec<Value>, Failure> {
    let text = fs::read_to_string("/proc/self/mountinfo")?;
    Ok(text.lines().filter_map(line).collect())
}

fn line(line: &str) -> Option<Value> {
    let (left, right) = line.split_once(" - ")?;
    let left: Vec<&str> = left.split(' ').collect();
    let mut right = right.split(' ');
    let list = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
    Some(json!({
        "root": left.get(3)?,
        "target": left.get(4)?,
        "options": list(left.get(5)?),
        "propagation": left.get(6..)?,
        "type": right.next()?,
        "source": right.next()?,
        "super": list(right.next().unwrap_or_default()),
    }))
}
