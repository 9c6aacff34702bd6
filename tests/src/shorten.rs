//! A process whose every read and write is shortened: the system does a part of what was asked and says how much, as it
//! may at any time. Watched with ptrace, since no tool on hand shortens a call that is then really done.

use crate::power::Dice;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::HashMap;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// How a shortened process ended.
#[derive(Debug)]
pub struct Shortened {
    /// What it returned; `None` when a signal ended it.
    pub code: Option<i32>,
    /// How many calls did less than they were asked.
    pub calls: u64,
}

/// `None` where this process may not watch another.
pub fn run(command: &mut Command, dice: &mut Dice) -> Option<Shortened> {
    let asks_to_be_watched = || ptrace::traceme().map_err(Into::into);
    // SAFETY: one system call, which allocates nothing and takes no lock.
    unsafe { command.pre_exec(asks_to_be_watched) };
    let child = command.spawn().ok()?;
    let child = Pid::from_raw(i32::try_from(child.id()).ok()?);
    // Only children of this thread: other tests wait for their own.
    let all = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
    waitpid(child, Some(all)).ok()?;
    let options =
        Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_EXITKILL;
    ptrace::setoptions(child, options).ok()?;
    let mut next = ptrace::syscall(child, None);
    let mut calls = 0;
    // The loader of libraries does not bear it; what it does is over when the program sets up its signals.
    let mut is_loaded = false;
    // The threads that are in a call, and the length that they asked for.
    let mut asked = HashMap::new();
    loop {
        // A thread that was killed meanwhile is told of by its end.
        assert!(matches!(next, Ok(()) | Err(nix::errno::Errno::ESRCH)), "{next:?}");
        next = match waitpid(None, Some(all)).unwrap() {
            WaitStatus::Exited(thread, code) if thread == child => {
                return Some(Shortened { code: Some(code), calls });
            }
            WaitStatus::Signaled(thread, ..) if thread == child => {
                return Some(Shortened { code: None, calls });
            }
            WaitStatus::PtraceSyscall(thread) => {
                match asked.remove(&thread) {
                    Some(len) => returned(thread, len),
                    None => {
                        is_loaded |=
                            ptrace::getregs(thread).is_ok_and(|at| at.orig_rax == SIGALTSTACK);
                        let len = if is_loaded { entered(thread, dice) } else { None };
                        calls += u64::from(len.is_some());
                        asked.insert(thread, len);
                    }
                }
                ptrace::syscall(thread, None)
            }
            WaitStatus::Stopped(thread, Signal::SIGSTOP | Signal::SIGTRAP) => {
                ptrace::syscall(thread, None)
            }
            WaitStatus::Stopped(thread, signal) => ptrace::syscall(thread, signal),
            WaitStatus::PtraceEvent(thread, ..) => ptrace::syscall(thread, None),
            _ => Ok(()),
        };
    }
}

const SIGALTSTACK: u64 = 131;

/// Read, write, pread64, pwrite64, all of which take the length as the third argument.
const CALLS: [u64; 4] = [0, 1, 17, 18];

/// Shortens the call if it is one of them; returns its length then.
fn entered(thread: Pid, dice: &mut Dice) -> Option<u64> {
    let mut registers = ptrace::getregs(thread).ok()?;
    let len = registers.rdx;
    let is_file = registers.rdi > 2;
    if !CALLS.contains(&registers.orig_rax) || !is_file || len < 2 {
        return None;
    }
    registers.rdx = 1 + dice.below(len - 1);
    ptrace::setregs(thread, registers).ok()?;
    Some(len)
}

/// The system leaves this register as it was, and compilers count on it.
fn returned(thread: Pid, len: Option<u64>) {
    if let Some(len) = len
        && let Ok(mut registers) = ptrace::getregs(thread)
    {
        registers.rdx = len;
        // Fails only when the thread is gone.
        let _ = ptrace::setregs(thread, registers);
    }
}
