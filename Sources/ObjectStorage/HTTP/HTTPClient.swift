internal import Synchronization

/// Sends requests over connections that stay open between them.
///
/// Each transfer has an easy handle of libcurl to itself; the idle ones wait here with their connections.
package final class HTTPClient: Sendable {
    /// What holds for every transfer.
    package struct Options: Sendable {
        /// A file of certificates to trust instead of the system's.
        package var caFile: String?
        package var connectSeconds = 15
        /// A transfer slower than this many bytes a second for so long is given up.
        package var slowBytes = 256
        package var slowSeconds = 30
        /// Bytes a second that one transfer sends at most; 0 for no limit.
        package var sendSpeed: UInt64 = 0
        /// Speak to no proxy, whatever the environment names: for this machine's own addresses.
        package var avoidsProxy = false

        package init() {}
    }

    private static let idleLimit = 16
    private let options: Options
    private let idle = Mutex<[CurlHandle]>([])

    package init(_ options: Options) { self.options = options }

    /// Does one request; the body of an answer that was wanted goes to `sink` while it comes.
    ///
    /// - Throws: `TransferFailure`; what `sink` throws; `StorageError` when there is no libcurl.
    package func send(
        _ request: HTTPRequest, _ sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> HTTPResponse {
        let handle = try idle.withLock { $0.popLast() } ?? CurlHandle()
        let response = try handle.perform(request, options, sink)
        // One that failed goes with its connection: who knows what state it is in.
        idle.withLock { if $0.count < Self.idleLimit { $0.append(handle) } }
        return response
    }
}
