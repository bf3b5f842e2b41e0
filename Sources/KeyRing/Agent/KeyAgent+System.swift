internal import CSystem
import Cryptography
import FileSystem
import Glibc

/// The key agent: this program, started again in a session of its own, with the root key in locked memory.
///
/// `start` runs in the command `unlock`; `serve` is what the hidden subcommand of the new process does. The
/// root goes through a pipe, never through arguments or the environment, which the new process gets empty.
public enum KeyAgent {
    /// Starts an agent for `keys`, after ending one that runs. Returns when it listens.
    ///
    /// - Parameters:
    ///   - socketPath: see `AgentSocket.path`.
    ///   - executable: this program: `/proc/self/exe`.
    ///   - arguments: those that make it call `serve`, without the program's name.
    public static func start(
        for keys: UnlockedKeys, lifetime: AgentLifetime, socketPath: String, executable: String,
        arguments: [String]
    ) throws(KeyError) -> KeyAgentClient.Status {
        let client = KeyAgentClient(path: socketPath)
        try client.lock()
        let toChild = try Pipe()
        let fromChild = try Pipe()
        try spawn(executable, arguments, input: toChild.reading, output: fromChild.writing)
        close(toChild.reading)
        close(fromChild.writing)
        defer { close(fromChild.reading) }
        var hello = Hello(
            socketPath: socketPath, vaultID: keys.vaultID, lifetime: lifetime, root: keys.state.root
        ).encoded
        let sent = write(toChild.writing, hello, hello.count)
        let wanted = hello.count
        _ = SecretBytes(wiping: &hello)
        close(toChild.writing)
        let reply = readAll(fromChild.reading)
        guard sent == wanted, reply == [0], let status = try client.status() else {
            throw KeyError(
                .failed, "the key agent did not start: \(String(decoding: reply.dropFirst(), as: UTF8.self))")
        }
        return status
    }

    /// The life of the agent: reads what `start` sends on standard input, hardens the process, says on
    /// standard output that it listens, and serves until it is locked or its time is over.
    public static func serve() throws(KeyError) {
        signal(SIGPIPE, SIG_IGN)
        // A leader of a process group cannot make a session; then it already has one of its own.
        _ = setsid()
        harden()
        try closeInherited()
        guard chdir("/") == 0 else { throw KeyError(.failed, "there is no root directory") }
        var bytes = readAll(STDIN_FILENO)
        defer { _ = SecretBytes(wiping: &bytes) }
        do throws(KeyError) {
            let hello: Hello
            do throws(CryptoError) { hello = try Hello(bytes) } catch {
                throw KeyError(error, .malformed, "key agent")
            }
            let server = try AgentServer(
                path: hello.socketPath, vaultID: hello.vaultID, root: hello.root, lifetime: hello.lifetime)
            _ = SecretBytes(wiping: &bytes)
            answer([0])
            server.run()
        } catch {
            answer([1] + Array(error.message.utf8))
            throw error
        }
    }

    /// No core dumps, no ptrace by other processes of the user.
    static func harden() {
        _ = cs_set_dumpable(0)
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    }

    /// Closes what the starter's own starter left open: a lock or a pipe must not live as long as the agent.
    static func closeInherited() throws(KeyError) {
        let open = try withFiles { () throws(FileError) in try Files.list("/proc/self/fd") }
        for descriptor in open.compactMap({ Int32($0) }) where descriptor > STDERR_FILENO {
            close(descriptor)
        }
    }

    /// Says `reply` to the starter and lets go of its pipe.
    private static func answer(_ reply: [UInt8]) {
        _ = write(STDOUT_FILENO, reply, reply.count)
        let nothing = open("/dev/null", O_RDWR)
        guard nothing >= 0 else { return }
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] { dup2(nothing, descriptor) }
        if nothing > STDERR_FILENO { close(nothing) }
    }

    private static let helloLimit = 4096

    /// Everything until the end of the stream, at most `helloLimit` bytes.
    static func readAll(_ descriptor: Int32) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: helloLimit)
        while bytes.count < helloLimit {
            let count = read(descriptor, &buffer, helloLimit - bytes.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        _ = SecretBytes(wiping: &buffer)
        return bytes
    }
}

extension KeyAgent {
    /// What the starter tells the agent: "ATA1" ‖ socket path ‖ V ‖ idle seconds u64 ‖ root (32).
    fileprivate struct Hello {
        let socketPath: String
        let vaultID: VaultID
        let lifetime: AgentLifetime
        let root: SharedSecret

        var encoded: [UInt8] {
            var writer = CanonicalWriter()
            writer.raw(AgentMessage.magic)
            writer.string(socketPath)
            writer.raw(vaultID.bytes)
            writer.u64(lifetime.idleSeconds)
            writer.raw(root.bytes.revealed())
            return writer.bytes
        }
    }

    struct Pipe {
        let reading: Int32
        let writing: Int32

        init() throws(KeyError) {
            var ends: [Int32] = [-1, -1]
            guard pipe(&ends) == 0, fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0,
                fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0
            else { throw KeyError(.failed, "there is no pipe left (errno \(errno))") }
            (reading, writing) = (ends[0], ends[1])
        }
    }

    /// C: posix_spawn, with an empty environment.
    static func spawn(
        _ executable: String, _ arguments: [String], input: Int32, output: Int32
    ) throws(KeyError) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        var words = ([executable] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var environment: [UnsafeMutablePointer<CChar>?] = [nil]
        var child = pid_t()
        let result = posix_spawn(&child, executable, &actions, nil, &words, &environment)
        guard result == 0 else {
            throw KeyError(.failed, "\(executable) cannot be started (errno \(result))")
        }
    }
}

extension KeyAgent.Hello {
    fileprivate init(_ bytes: [UInt8]) throws(CryptoError) {
        var reader = CanonicalReader(bytes)
        guard try reader.raw(AgentMessage.magic.count) == AgentMessage.magic else {
            throw AgentMessage.malformed
        }
        socketPath = try reader.string(limit: 107)
        guard let vault = VaultID(try reader.raw(VaultID.count)) else { throw AgentMessage.malformed }
        vaultID = vault
        let seconds = try reader.u64()
        do { lifetime = try AgentLifetime(idleSeconds: seconds) } catch { throw AgentMessage.malformed }
        var secret = try reader.raw(32)
        root = SharedSecret(SecretBytes(wiping: &secret))
        try reader.expectEnd()
    }
}
