import Cryptography
import Foundation
import ObjectStorage
import TestSupport
import Testing

/// The strict server itself, seen by a client that is not ours, and what is on the line.
@Suite struct ServerTests {
    private func run(_ script: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(filePath: try ProjectPython.interpreter())
        process.arguments = [ServerProcess.path(script)] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: text, as: UTF8.self))
    }

    @Test func boto3AgreesWithTheStrictServer() throws {
        var options = StrictServer.Options()
        options.writeInterval = 0
        options.lockedPrefixes = ["locked/"]
        let server = try StrictServer(options)
        server.plant("locked/x", [1])
        let ended = try run(
            "check_strict_server.py",
            [server.endpoint, StrictServer.bucket, StrictServer.accessKeyID, StrictServer.secret])
        #expect(ended.status == 0 && ended.output.hasSuffix("ok\n"), "\(ended.output)")
    }

    @Test func nothingGoesToAnUntrustedCertificate() throws {
        let server = try StrictServer()
        let line = try TLSLine(to: server.port)
        let name = try #require(ObjectName("x"))
        func store(_ caFile: String?, host: String = "localhost") throws -> S3Store {
            var options = S3Store.Options()
            options.caFile = caFile
            let location = try S3Location(
                endpoint: S3Endpoint("https://\(host):\(line.port)"), bucket: StrictServer.bucket)
            let secret = SecretBytes(copying: Array(StrictServer.secret.utf8))
            return S3Store(
                location, StoreCredentials(accessKeyID: StrictServer.accessKeyID, secret: secret),
                options: options)
        }
        // Not known to the system; then by its own file; then under a name that it does not have.
        let unknown = #expect(throws: StorageError.self) { try store(nil).put(name, .bytes([1]), .none) }
        #expect(unknown?.code == .refused)
        #expect(server.keys.isEmpty)
        _ = try store(line.certificate).put(name, .bytes([1]), .none)
        #expect(try store(line.certificate).read(name, limit: 1) == [1])
        let other = #expect(throws: StorageError.self) {
            try store(line.certificate, host: "127.0.0.1").head(name)
        }
        #expect(other?.code == .refused)
    }

    @Test func silenceAndClosedPortsAreUnreachable() throws {
        let server = try StrictServer()
        let store = try server.store(clock: TestClock())
        server.shut()
        let error = #expect(throws: StorageError.self) { try store.list(prefix: "", after: nil, limit: 1) }
        #expect(error?.code == .unreachable && error?.isTransient == true)
    }

    @Test func redirectsAreNotFollowed() throws {
        var options = StrictServer.Options()
        options.fault = { _ in .answer(307, "TemporaryRedirect") }
        let server = try StrictServer(options)
        let clock = TestClock()
        let error = #expect(throws: StorageError.self) {
            try server.store(clock: clock).list(prefix: "", after: nil, limit: 1)
        }
        #expect(error?.code == .refused && server.requests.count == 1)
    }

    @Test func whatIsNotOursInABucketIsNamed() throws {
        let server = try StrictServer()
        let clock = TestClock()
        for key in ["p/ok", "p/with space", "p/<&>", "p/中"] { server.plant(key, [1]) }
        let store = try server.store(prefix: "p", clock: clock)
        let page = try store.list(prefix: "", after: nil, limit: 10)
        #expect(page.objects.map(\.name.text) == ["ok"] && page.foreign == ["<&>", "with space", "中"])
        var seen = 0
        try store.forEach(prefix: "", pageSize: 1) { seen += $0.objects.count + $0.foreign.count }
        #expect(seen == 4)
    }

    @Test func shortListsAreReadToTheirEnd() throws {
        var options = StrictServer.Options()
        options.fault = { $0.method == "GET" && $0.number % 2 == 0 ? .shortList : nil }
        let server = try StrictServer(options)
        for number in 0..<10 { server.plant("x\(number)", [1]) }
        var found: [String] = []
        try server.store(clock: TestClock()).forEach(prefix: "x", pageSize: 3) {
            found += $0.objects.map(\.name.text)
        }
        #expect(found == (0..<10).map { "x\($0)" })
    }
}

/// TLS in front of a port on loopback, under a certificate for `localhost` that nobody knows.
private final class TLSLine {
    private struct Failure: Error {}

    private let directory: TemporaryDirectory
    private let process = Process()
    private let input = Pipe()
    let certificate: String
    let port: Int

    init(to target: UInt16) throws {
        directory = try TemporaryDirectory()
        certificate = directory("certificate.pem")
        process.executableURL = URL(filePath: try ProjectPython.interpreter())
        process.arguments = [
            ServerProcess.path("tls_line.py"), String(target), certificate, directory("key.pem"),
        ]
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        let line = try output.firstLine()
        guard let port = Int(String(decoding: line, as: UTF8.self).filter(\.isNumber)) else {
            throw Failure()
        }
        self.port = port
    }

    deinit {
        do { try input.fileHandleForWriting.close() } catch { process.terminate() }
        process.waitUntilExit()
    }
}
