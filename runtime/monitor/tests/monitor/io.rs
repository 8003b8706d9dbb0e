// SPDX-License-Identifier: Apache-2.0
//! Output, stdin, terminals and attach clients.

use crate::fixture::{Fixture, Root, wait_until};
use brig_spec::monitor::frame;
use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::time::Duration;

#[test]
fn terminal_echoes_resizes_and_delivers_the_last_output() {
    let script = "tty; read x; stty size; echo got:$x; seq 1 2000";
    for root in [Root::Directory, Root::Idmapped] {
        let Some(mut fixture) = Fixture::new("tty", root, script) else { return };
        fixture.terminal();
        let mut started = fixture.start(true);
        let mut client = started.client.take().unwrap();
        client.wait_for("/dev/pts/0\r\n");
        client.send(frame::RESIZE, &[0, 33, 0, 99]);
        client.send(frame::STDIN, b"word\n");
        let received = client.finish();
        let text = String::from_utf8(received.stdout).unwrap();
        assert!(text.contains("33 99\r\ngot:word\r\n1\r\n"), "{text}");
        assert!(text.ends_with("\r\n1999\r\n2000\r\n"), "{text}");
        assert_eq!((received.exit_code, received.stderr), (Some(0), Vec::new()));
        started.monitor.wait().unwrap();
        assert!(fixture.logged("stdout").ends_with("1999\r\n2000\r\n"));
    }
}

#[test]
fn terminal_closed_by_all_and_opened_again_is_still_read() {
    let script = "echo first; exec >/dev/null 2>&1 </dev/null; sleep 0.5; \
                  echo second >/dev/pts/0; sleep 0.3; echo third >/dev/pts/0; exit 4";
    let Some(mut fixture) = Fixture::new("reopen", Root::Directory, script) else { return };
    fixture.terminal();
    let mut started = fixture.start(true);
    let mut client = started.client.take().unwrap();
    client.wait_for("first\r\n");
    // Not a wait for a condition: a busy poll shows in time only.
    std::thread::sleep(Duration::from_millis(300));
    let stat = fs::read_to_string(format!("/proc/{}/stat", started.monitor.id())).unwrap();
    let ticks: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let busy: u32 = ticks[11].parse::<u32>().unwrap() + ticks[12].parse::<u32>().unwrap();
    assert!(busy < 10, "{busy} ticks of CPU time: the poll is busy");
    let received = client.finish();
    let text = String::from_utf8(received.stdout).unwrap();
    assert_eq!(text, "second\r\nthird\r\n");
    assert_eq!(received.exit_code, Some(4));
    started.monitor.wait().unwrap();
}

#[test]
fn terminal_of_an_instant_exit_loses_no_output() {
    let Some(mut fixture) = Fixture::new("instanttty", Root::Directory, "seq 1 300") else {
        return;
    };
    fixture.terminal();
    for round in 0..50 {
        let mut started = fixture.start(true);
        let received = started.client.take().unwrap().finish();
        let text = String::from_utf8(received.stdout).unwrap();
        assert!(text.starts_with("1\r\n2\r\n") && text.ends_with("\r\n300\r\n"), "{round}: {text}");
        started.monitor.wait().unwrap();
    }
}

#[test]
fn terminal_without_open_stdin_takes_no_input() {
    let script = "read -t 1 x; echo got:$x";
    let Some(mut fixture) = Fixture::new("ttyonly", Root::Directory, script) else { return };
    fixture.terminal();
    fixture.launch.stdin_open = false;
    let mut started = fixture.start(true);
    let mut client = started.client.take().unwrap();
    client.send(frame::STDIN, b"word\n");
    assert_eq!(client.finish().stdout, b"got:\r\n");
    started.monitor.wait().unwrap();
}

#[test]
fn terminal_in_a_run_directory_with_a_long_path_works() {
    let Some(mut fixture) = Fixture::new(&"l".repeat(100), Root::Directory, "tty") else { return };
    fixture.terminal();
    let mut started = fixture.start(true);
    let received = started.client.take().unwrap().finish();
    assert_eq!(received.stdout, b"/dev/pts/0\r\n", "{:?}", started.event);
    started.monitor.wait().unwrap();
}

#[test]
fn stdin_of_the_foreground_client_flows_until_its_end() {
    let Some(mut fixture) = Fixture::new("stdin", Root::Directory, "cat; echo over") else {
        return;
    };
    fixture.launch.stdin_open = true;
    fixture.launch.log.driver = "none".into();
    let mut started = fixture.start(true);
    let client = started.client.take().unwrap();
    let mut writer = crate::client::Client::new(client.0.try_clone().unwrap());
    // More than every buffer on the way there and back: works only with back-pressure.
    let data: Vec<u8> = (0..8_u32 << 20).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
    let sent = data.clone();
    let sender = std::thread::spawn(move || {
        for chunk in sent.chunks(frame::PAYLOAD_MAX) {
            writer.send(frame::STDIN, chunk);
        }
        writer.send(frame::STDIN_EOF, b"");
    });
    let received = client.finish();
    sender.join().unwrap();
    assert_eq!(received.exit_code, Some(0));
    assert!(received.stdout == [&data[..], b"over\n"].concat());
    started.monitor.wait().unwrap();
    assert!(fs::metadata(&fixture.launch.log.path).is_err(), "driver none writes no file");
}

#[test]
fn stdin_not_open_is_empty() {
    let Some(fixture) = Fixture::new("nostdin", Root::Directory, "cat; echo over") else { return };
    let mut started = fixture.start(true);
    let mut client = started.client.take().unwrap();
    drop(client.0.write_all(&[0, 0, 0, 0, 0, 0, 0, 1, b'x']));
    assert_eq!(client.finish().stdout, b"over\n");
    started.monitor.wait().unwrap();
}

#[test]
fn stdin_of_later_clients_ends_only_with_stdin_once() {
    let Some(mut fixture) = Fixture::new("once", Root::Directory, "cat; echo over") else { return };
    fixture.launch.stdin_open = true;
    let mut started = fixture.start(false);
    let mut client = fixture.connect();
    client.send(frame::STDIN, b"one\n");
    client.send(frame::STDIN_EOF, b"");
    client.wait_for("one\n");
    drop(client);
    let mut client = fixture.connect();
    client.send(frame::STDIN, b"two\n");
    client.wait_for("two\n");
    let init = rustix::process::Pid::from_raw(fixture.status().pid.unwrap()).unwrap();
    rustix::process::kill_process(init, rustix::process::Signal::KILL).unwrap();
    assert_eq!(client.finish().exit_code, Some(137));
    started.monitor.wait().unwrap();

    fixture.launch.stdin_once = true;
    let mut started = fixture.start(false);
    let mut client = fixture.connect();
    client.send(frame::STDIN, b"one\n");
    // Leaves without a word: what it sent counts, and its leaving is the end.
    drop(client);
    let received = fixture.connect().finish();
    assert_eq!(received.exit_code, Some(0));
    started.monitor.wait().unwrap();
    assert!(fixture.logged("stdout").ends_with("one\nover\n"));
}

#[test]
fn clients_choose_streams_and_all_hear_the_end() {
    let script = "read x; echo out; echo err >&2; exit 6";
    let Some(mut fixture) = Fixture::new("streams", Root::Directory, script) else { return };
    fixture.launch.stdin_open = true;
    let mut started = fixture.start(true);
    let mut foreground = started.client.take().unwrap();
    let (mut all, mut errors, mut none) = (fixture.connect(), fixture.connect(), fixture.connect());
    all.send(frame::STREAMS, &[0b110]);
    errors.send(frame::STREAMS, &[0b100]);
    none.send(frame::STREAMS, &[0]);
    let mut rude = fixture.connect();
    rude.0.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(rude.0.read(&mut [0; 16]).unwrap_or(0), 0, "a foreign protocol is hung up on");
    // A client's frames are read in order, so an answer to the last proves the earlier ones.
    foreground.send(frame::STDIN, b"go\n");
    let texts = [foreground, all, errors, none].map(|client| {
        let received = client.finish();
        assert_eq!(received.exit_code, Some(6));
        String::from_utf8(received.stdout).unwrap() + &String::from_utf8(received.stderr).unwrap()
    });
    assert_eq!(texts[..2], ["out\nerr\n", "out\nerr\n"]);
    assert_eq!(texts[2..], ["err\n", ""]);
    started.monitor.wait().unwrap();
}

#[test]
fn slow_later_client_is_cut_off_and_the_foreground_one_is_waited_for() {
    let script = "yes | head -c 6000000; exit 9";
    let Some(mut fixture) = Fixture::new("slow", Root::Directory, script) else { return };
    fixture.launch.log.driver = "none".into();
    let mut started = fixture.start(true);
    let foreground = started.client.take().unwrap();
    let slow = fixture.connect();
    wait_until("the socket of the foreground client is full", || {
        rustix::io::ioctl_fionread(foreground.0.as_fd()).unwrap() > 100_000
    });
    // Not a wait for a condition: that the container is still held back shows only in time.
    std::thread::sleep(Duration::from_millis(300));
    assert!(started.monitor.try_wait().unwrap().is_none());
    let received = foreground.finish();
    assert_eq!((received.stdout.len(), received.exit_code), (6_000_000, Some(9)));
    started.monitor.wait().unwrap();
    let received = slow.finish();
    assert_eq!(received.exit_code, None);
    assert!(received.stdout.len() < 2_000_000, "{}", received.stdout.len());
}

#[test]
fn log_rotates_and_long_lines_are_kept_in_parts() {
    let script = "head -c 40000 /dev/zero; echo; seq 1 3000";
    let Some(mut fixture) = Fixture::new("rotate", Root::Directory, script) else { return };
    fixture.launch.log.max_size_bytes = 100_000;
    fixture.launch.log.max_files = 10;
    assert_eq!(fixture.run().exit_code, Some(0));
    let mut text = String::new();
    for number in (0..10).rev() {
        let suffix = if number == 0 { String::new() } else { format!(".{number}") };
        let path = format!("{}{suffix}", fixture.launch.log.path);
        let Ok(content) = fs::read_to_string(path) else { continue };
        assert!(content.len() <= 100_000);
        for line in content.lines() {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            text.push_str(record["log"].as_str().unwrap());
        }
    }
    let numbers: String = (1..=3000).map(|number| format!("{number}\n")).collect();
    assert!(text == "\0".repeat(40_000) + "\n" + &numbers);
}

#[test]
fn log_on_a_full_disk_drops_records_and_counts_them() {
    let script = "seq 1 20000; echo last >&2; exit 2";
    let Some(mut fixture) = Fixture::new("full", Root::Directory, script) else { return };
    let disk = SmallDisk::mount(fixture.path("disk"));
    fixture.launch.log.path = format!("{}/log", disk.0);
    let status = fixture.run();
    let logged = fixture.logged("stdout");
    drop(disk);
    assert_eq!(status.exit_code, Some(2));
    let kept = u64::try_from(logged.lines().count()).unwrap();
    assert!(kept > 100 && logged.starts_with("1\n2\n3\n"), "{kept}");
    assert_eq!(kept + status.log_records_dropped, 20_001);
}

/// A tmpfs of 64 KiB, unmounted when dropped.
struct SmallDisk(String);

impl SmallDisk {
    fn mount(path: String) -> Self {
        fs::create_dir(&path).unwrap();
        let options = c"size=64k";
        let flags = rustix::mount::MountFlags::empty();
        rustix::mount::mount("brig-test", &path, "tmpfs", flags, options).unwrap();
        Self(path)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        rustix::mount::unmount(&self.0, rustix::mount::UnmountFlags::DETACH).unwrap();
    }
}
