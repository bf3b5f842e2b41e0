import CSystem
import Glibc
import Synchronization

/// Interrupts end the program with 130 and one line; a closed pipe is noticed by the write that fails.
enum Signals {
    /// Installs the handlers. `json` chooses how the interrupt is told.
    static func install(json: Bool) {
        jsonWanted.store(json, ordering: .relaxed)
        quietTerminal.store(-1, ordering: .relaxed)
        signal(SIGPIPE, SIG_IGN)
        signal(SIGINT) { _ in Signals.interrupted() }
        // A starter that blocks signals, as threads of a dispatch queue do, hands that down.
        var interrupts = sigset_t()
        sigemptyset(&interrupts)
        for number in [SIGINT, SIGTERM] { sigaddset(&interrupts, number) }
        sigprocmask(SIG_UNBLOCK, &interrupts, nil)
    }

    /// The terminal whose echo is off, so that an interrupt can turn it on again; -1 for none.
    static let quietTerminal = Atomic<Int32>(-1)
    private static let jsonWanted = Atomic<Bool>(false)

    /// Runs inside the handler: only async-signal-safe calls (write, tcgetattr, tcsetattr, _exit).
    private static func interrupted() {
        let terminal = quietTerminal.load(ordering: .relaxed)
        if terminal >= 0 {
            var state = termios()
            if tcgetattr(terminal, &state) == 0 {
                state.c_lflag |= tcflag_t(ECHO)
                tcsetattr(terminal, TCSANOW, &state)
            }
        }
        let text: StaticString =
            jsonWanted.load(ordering: .relaxed)
            ? "{\"error\":{\"code\":\"interrupted\",\"message\":\"interrupted\",\"hint\":null}}\n"
            : "\nai-team: error: interrupted\n"
        _ = write(2, text.utf8Start, text.utf8CodeUnitCount)
        _exit(130)
    }
}

/// The process itself.
enum Process {
    /// No core dumps, no ptrace by other processes of the same user: keys live in this memory.
    static func harden() {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        _ = cs_set_dumpable(0)
        umask(0o077)
    }
}
