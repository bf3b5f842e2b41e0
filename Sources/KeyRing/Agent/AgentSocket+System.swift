internal import CSystem
import Cryptography
import FileSystem
import Glibc

/// Where a home's key agent listens, and the calls on its socket.
public enum AgentSocket {
    /// A Unix socket's path has at most 107 bytes; this leaves room for the lock's suffix.
    private static let pathLimit = 100

    /// The path of the socket of the home whose `run/` is `runDirectory`.
    ///
    /// In `run/`, unless that path is too long for a socket; then in `$XDG_RUNTIME_DIR/ai-team/<hash>/`, or
    /// else in a directory of the temporary one that belongs to this user alone. Makes the directory.
    ///
    /// - Parameters:
    ///   - runtimeDirectory: `$XDG_RUNTIME_DIR`.
    ///   - temporaryDirectory: `$TMPDIR`, or `/tmp`.
    public static func path(
        runDirectory: String, runtimeDirectory: String?, temporaryDirectory: String
    ) throws(KeyError) -> String {
        let plain = runDirectory + "/agent.sock"
        if plain.utf8.count <= pathLimit { return plain }
        let hash = String(
            Crockford32.encode(Hash.digest(.sha256, Array(canonical(runDirectory).utf8))).prefix(16))
        let candidates =
            [runtimeDirectory.map { $0 + "/ai-team" }, temporaryDirectory + "/ai-team-\(getuid())"]
        for directory in candidates.compactMap({ $0 }) {
            let path = directory + "/" + hash + "/agent.sock"
            guard path.utf8.count <= pathLimit else { continue }
            try makePrivate(directory)
            try makePrivate(directory + "/" + hash)
            return path
        }
        throw KeyError(
            .failed, "there is no place for the key agent's socket",
            hint: "set XDG_RUNTIME_DIR to a short path of your own")
    }

    private static func canonical(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// Makes a directory 0700, or throws unless it is one of this user's that nobody else can enter.
    private static func makePrivate(_ path: String) throws(KeyError) {
        let status = try withFiles { () throws(FileError) in
            if try Files.status(path) == nil { try Files.createDirectory(path, permissions: 0o700) }
            return try Files.status(path)
        }
        guard let status, status.kind == .directory, status.owner == getuid(),
            status.permissions & 0o077 == 0
        else {
            throw KeyError(.integrityFailure, "\(path) is not a directory of yours alone", hint: "remove it")
        }
    }
}

extension AgentSocket {
    /// A socket that listens at `path`, 0600. What stood there is removed: the caller holds the agent's lock.
    static func listen(at path: String) throws(KeyError) -> Int32 {
        let descriptor = try open()
        let mask = umask(0o177)
        defer { umask(mask) }
        unlink(path)
        let bound = try withAddress(path) { bind(descriptor, $0, $1) }
        guard bound == 0, Glibc.listen(descriptor, 16) == 0 else {
            throw failure("the key agent cannot listen at \(path)", closing: descriptor)
        }
        return descriptor
    }

    /// A connection to the agent at `path`; nil when nobody listens there.
    static func connect(to path: String) throws(KeyError) -> Int32? {
        let descriptor = try open()
        var result = try withAddress(path) { Glibc.connect(descriptor, $0, $1) }
        // EAGAIN: its queue is full of others, who are served or dropped within 2 seconds each.
        var patience = connectAttempts
        while result != 0 && (errno == EINTR || errno == EAGAIN) && patience > 0 {
            if errno == EAGAIN { poll(nil, 0, connectPauseMilliseconds) }
            patience -= 1
            result = try withAddress(path) { Glibc.connect(descriptor, $0, $1) }
        }
        if result == 0 { return descriptor }
        guard errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR else {
            throw failure("the key agent at \(path) does not answer", closing: descriptor)
        }
        close(descriptor)
        return nil
    }

    /// Together 5 seconds.
    private static let connectAttempts = 250
    private static let connectPauseMilliseconds: Int32 = 20

    /// The user at the other end. C: getsockopt(SO_PEERCRED)
    static func peer(of descriptor: Int32) -> UInt32? {
        var (uid, gid, pid) = (uid_t(), gid_t(), pid_t())
        return cs_peer_credentials(descriptor, &uid, &gid, &pid) == 0 ? uid : nil
    }

    private static func open() throws(KeyError) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { throw KeyError(.failed, "there is no socket left (errno \(errno))") }
        return descriptor
    }

    private static func failure(_ message: String, closing descriptor: Int32) -> KeyError {
        let code = errno
        close(descriptor)
        return KeyError(.failed, "\(message) (errno \(code))")
    }

    private static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(KeyError) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        let bytes = Array(path.utf8)
        guard bytes.count < capacity, !bytes.contains(0) else {
            throw KeyError(.failed, "the path of the key agent's socket is too long: \(path)")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
