// SPDX-License-Identifier: Apache-2.0
//! Numbers of the system calls that tests forbid by name. Others are given by number.

macro_rules! numbers {
    ($($name:ident = $constant:ident)*) => {
        /// The number of a system call, from its name or its decimal digits.
        pub(crate) fn number(name: &str) -> Option<i64> {
            match name {
                $(stringify!($name) => Some(libc::$constant),)*
                other => other.parse().ok(),
            }
        }
    };
}

numbers! {
    acct = SYS_acct
    add_key = SYS_add_key
    bpf = SYS_bpf
    capset = SYS_capset
    chroot = SYS_chroot
    clock_settime = SYS_clock_settime
    clone = SYS_clone
    clone3 = SYS_clone3
    close_range = SYS_close_range
    delete_module = SYS_delete_module
    fanotify_init = SYS_fanotify_init
    finit_module = SYS_finit_module
    fsopen = SYS_fsopen
    fsmount = SYS_fsmount
    getcwd = SYS_getcwd
    getpid = SYS_getpid
    getppid = SYS_getppid
    init_module = SYS_init_module
    io_uring_setup = SYS_io_uring_setup
    ioprio_set = SYS_ioprio_set
    kcmp = SYS_kcmp
    kexec_load = SYS_kexec_load
    keyctl = SYS_keyctl
    kill = SYS_kill
    landlock_create_ruleset = SYS_landlock_create_ruleset
    mount = SYS_mount
    mount_setattr = SYS_mount_setattr
    move_mount = SYS_move_mount
    name_to_handle_at = SYS_name_to_handle_at
    open_by_handle_at = SYS_open_by_handle_at
    open_tree = SYS_open_tree
    openat2 = SYS_openat2
    perf_event_open = SYS_perf_event_open
    personality = SYS_personality
    pidfd_open = SYS_pidfd_open
    pivot_root = SYS_pivot_root
    process_vm_readv = SYS_process_vm_readv
    ptrace = SYS_ptrace
    quotactl = SYS_quotactl
    reboot = SYS_reboot
    request_key = SYS_request_key
    sched_yield = SYS_sched_yield
    seccomp = SYS_seccomp
    setdomainname = SYS_setdomainname
    setgid = SYS_setgid
    setgroups = SYS_setgroups
    sethostname = SYS_sethostname
    setns = SYS_setns
    settimeofday = SYS_settimeofday
    setuid = SYS_setuid
    socket = SYS_socket
    swapoff = SYS_swapoff
    swapon = SYS_swapon
    sync = SYS_sync
    syslog = SYS_syslog
    umount2 = SYS_umount2
    unshare = SYS_unshare
    userfaultfd = SYS_userfaultfd
    vhangup = SYS_vhangup
}
