import Cryptography
import FileSystem
import Glibc

/// This program, started again in a session of its own to work on after its starter has ended. It gets the
/// root key through a pipe, never through arguments or the environment, which it gets empty.
public enum BackgroundProcess {
    /// Starts it and does not wait.
    ///
    /// - Parameters:
    ///   - executable: this program: `/proc/self/exe`.
    ///   - arguments: those that make it call `begin`, without the program's name.
    public static func start(
        for keys: UnlockedKeys, home: String, executable: String, arguments: [String]
    ) throws(KeyError) {
        let pipe = try KeyAgent.Pipe()
        let output = open("/dev/null", O_WRONLY | O_CLOEXEC)
        guard output >= 0 else { throw KeyError(.failed, "/dev/null can't be opened (errno \(errno))") }
        defer { close(output) }
        try KeyAgent.spawn(executable, arguments, input: pipe.reading, output: output)
        close(pipe.reading)
        var writer = CanonicalWriter()
        writer.raw(magic)
        writer.string(home)
        writer.raw(keys.state.root.bytes.revealed())
        var hello = writer.bytes
        let (sent, wanted) = (write(pipe.writing, hello, hello.count), hello.count)
        _ = SecretBytes(wiping: &hello)
        close(pipe.writing)
        guard sent == wanted else { throw KeyError(.failed, "the background process did not start") }
    }

    /// What the new process does first: hardens itself, takes a session of its own and reads what `start`
    /// sends.
    ///
    /// - Returns: the home, and the keys below its `keys/`.
    public static func begin(
        keysDirectory: (_ home: String) -> String
    ) throws(KeyError) -> (home: String, keys: UnlockedKeys) {
        signal(SIGPIPE, SIG_IGN)
        // A leader of a process group cannot make a session; then it already has one of its own.
        _ = setsid()
        KeyAgent.harden()
        try KeyAgent.closeInherited()
        guard chdir("/") == 0 else { throw KeyError(.failed, "there is no root directory") }
        var bytes = KeyAgent.readAll(STDIN_FILENO)
        defer { _ = SecretBytes(wiping: &bytes) }
        let (home, root): (String, SharedSecret)
        do throws(CryptoError) {
            var reader = CanonicalReader(bytes)
            guard try reader.raw(magic.count) == magic else {
                throw CryptoError(.malformed, "a message is malformed")
            }
            home = try reader.string(limit: 4096)
            var secret = try reader.raw(32)
            root = SharedSecret(SecretBytes(wiping: &secret))
            try reader.expectEnd()
        } catch { throw KeyError(error, .malformed, "background process") }
        return (home, try KeyRing.open(in: keysDirectory(home), root: root, opener: .none(nil)))
    }

    private static let magic = Array("ATW1".utf8)
}
