// SPDX-License-Identifier: Apache-2.0
//! Consumers of what a cgroup limits, all bounded, and ways to pass the time.

use crate::{Answer, Args, Failure, say};
use std::hint::black_box;
use std::io::{self, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PAGE_BYTES: usize = 4096;
/// More children than any test asks for: a slip in a test must not harm the machine.
const CHILDREN_MAX: u64 = 100_000;

pub(crate) fn answer(args: &Args<'_>) -> Option<Answer> {
    Some(match args.verb {
        "sleep" => sleep(args),
        "echo" => Ok(args.all().join(" ")),
        "stderr" => writeln!(io::stderr(), "{}", args.all().join(" "))
            .map(|()| String::new())
            .map_err(Failure::from),
        "memhog" => memhog(args),
        "forkbomb" => forkbomb(args),
        "zombie" => zombie(args),
        "orphan" => orphan(args),
        "background" => background(args),
        "spin" => spin(args),
        "flood" => flood(args),
        _ => return None,
    })
}

fn sleep(args: &Args<'_>) -> Answer {
    let text = args.text(0)?;
    let seconds: f64 = text.parse().map_err(|_| Failure::Text(format!("not seconds: {text}")))?;
    std::thread::sleep(Duration::from_secs_f64(seconds));
    Ok(String::new())
}

/// Touches that many bytes of memory, prints `held`.
fn memhog(args: &Args<'_>) -> Answer {
    let bytes = usize::try_from(args.number(0)?).unwrap_or(0);
    let mut memory = vec![0_u8; bytes];
    for page in memory.chunks_mut(PAGE_BYTES) {
        if let Some(first) = page.first_mut() {
            *first = 1;
        }
    }
    black_box(&memory);
    Ok("held".to_owned())
}

/// Prints how many of N children could be started, and why the next one could not.
fn forkbomb(args: &Args<'_>) -> Answer {
    let wanted = args.number(0)?.min(CHILDREN_MAX);
    let mut children: Vec<Child> = Vec::new();
    let mut failure = "OK".to_owned();
    for _ in 0..wanted {
        match itself(&["sleep", "60"]) {
            Ok(child) => children.push(child),
            Err(error) => {
                failure = crate::errno::name(error.raw_os_error().unwrap_or(0));
                break;
            }
        }
    }
    let started = children.len();
    for child in &mut children {
        // Ended already: nothing to do.
        drop(child.kill());
        drop(child.wait());
    }
    Ok(format!("{started} {failure}"))
}

/// Leaves N zombies, prints N. They last as long as this process.
fn zombie(args: &Args<'_>) -> Answer {
    let count = args.number(0)?.min(CHILDREN_MAX);
    for _ in 0..count {
        let child = itself(&["exit", "0"])?;
        let stat = format!("/proc/{}/stat", child.id());
        let end = Instant::now() + Duration::from_secs(10);
        while !std::fs::read_to_string(&stat)?.contains(") Z ") {
            if Instant::now() > end {
                return Err(Failure::Text("a child does not end".to_owned()));
            }
            std::thread::yield_now();
        }
    }
    Ok(count.to_string())
}

/// Leaves N grandchildren that end as orphans, for the init of the pid namespace to reap.
fn orphan(args: &Args<'_>) -> Answer {
    let count = args.number(0)?.min(CHILDREN_MAX);
    for _ in 0..count {
        itself(&["background", "exit", "0"])?.wait()?;
    }
    Ok(count.to_string())
}

/// `background VERB ARG..`: starts a probe that outlives this one; its output goes nowhere.
fn background(args: &Args<'_>) -> Answer {
    let mut command = Command::new("/proc/self/exe");
    command.args(args.all()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn()?;
    Ok(String::new())
}

fn itself(args: &[&str]) -> io::Result<Child> {
    Command::new("/proc/self/exe").args(args).stdin(Stdio::null()).spawn()
}

/// Burns processor time, prints how much wall time it took.
fn spin(args: &Args<'_>) -> Answer {
    use rustix::time::{ClockId, clock_gettime};
    let start = Instant::now();
    let wanted = args.number(0)?;
    let used = || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        u64::try_from(time.tv_sec * 1000 + time.tv_nsec / 1_000_000).unwrap_or(0)
    };
    let from = used();
    while used() - from < wanted {
        black_box((0..1000_u32).sum::<u32>());
    }
    Ok(start.elapsed().as_millis().to_string())
}

/// Writes that many bytes to standard output, in lines of 64.
fn flood(args: &Args<'_>) -> Answer {
    const LINE: &[u8; 64] = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n";
    say("");
    let mut left = usize::try_from(args.number(0)?).unwrap_or(0);
    let block = LINE.repeat(1024);
    let mut out = io::stdout().lock();
    while left > 0 {
        let part = block.get(..left.min(block.len())).unwrap_or(&block);
        out.write_all(part)?;
        left -= part.len();
    }
    out.flush()?;
    Ok(String::new())
}
