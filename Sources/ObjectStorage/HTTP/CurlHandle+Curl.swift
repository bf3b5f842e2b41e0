internal import CCurl
internal import FileSystem

/// One easy handle of libcurl and its connections.
// SAFETY: only one thread at a time has it; `HTTPClient` lends each to one transfer.
final class CurlHandle: @unchecked Sendable {
    private let library: CurlLibrary
    private let handle: CurlLibrary.Handle

    init() throws {
        library = try CurlLibrary.load()
        guard let handle = library.make() else { throw StorageError(.failed, "libcurl has no memory") }
        self.handle = handle
    }

    deinit { library.cleanup(handle) }

    /// Sends `request` and waits for the answer. C: curl_easy_perform
    func perform(
        _ request: HTTPRequest, _ options: HTTPClient.Options,
        _ sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> HTTPResponse {
        library.reset(handle)
        // "Expect:" takes the header out that libcurl adds to large bodies: R2 never answers it.
        var list: CurlLibrary.List?
        defer { if let list { library.freeList(list) } }
        func append(_ line: UnsafePointer<CChar>) throws {
            guard let longer = library.append(list, line) else {
                throw StorageError(.failed, "libcurl has no memory")
            }
            list = longer
        }
        for line in request.headers.map({ "\($0.name): \($0.value)" }) + ["Expect:", "Accept:"] {
            try append(line)
        }
        defer { if request.secretHeader != nil, let list { library.wipe(list) } }
        try request.secretHeader?.withLine(append)
        return try withoutActuallyEscaping(sink) { sink in
            let transfer = Transfer(request, sink: sink)
            try transfer.open()
            // All that libcurl calls back gets this pointer, and none of it after `perform` has returned.
            let context = Unmanaged.passUnretained(transfer).toOpaque()
            try prepare(request, options)
            try set(CURLOPT_HTTPHEADER, UnsafeMutableRawPointer(list))
            try set(CURLOPT_WRITEDATA, context)
            try set(CURLOPT_HEADERDATA, context)
            try set(CURLOPT_READDATA, context)
            return try withExtendedLifetime(transfer) {
                try finish(transfer, library.perform(handle))
            }
        }
    }

    private func finish(_ transfer: Transfer, _ code: CURLcode) throws -> HTTPResponse {
        if let error = transfer.error { throw error }
        // A store that refuses a large body answers and hangs up before it has read it all.
        if code == CURLE_SEND_ERROR, transfer.response.status >= 400 { return transfer.response }
        guard code == CURLE_OK else {
            let reason: TransferFailure.Reason
            switch code {
            case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM,
                CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_PINNEDPUBKEYNOTMATCH:
                reason = .untrusted
            case CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT, CURLE_BAD_FUNCTION_ARGUMENT,
                CURLE_UNKNOWN_OPTION, CURLE_OUT_OF_MEMORY, CURLE_FAILED_INIT:
                reason = .refused
            default: reason = .connection
            }
            let text = library.message(code).map { String(cString: $0) } ?? "error \(code.rawValue)"
            throw TransferFailure(
                reason: reason, message: text.prefix(1).lowercased() + text.dropFirst(),
                response: transfer.response.status > 0 ? transfer.response : nil)
        }
        return transfer.response
    }

    private func prepare(_ request: HTTPRequest, _ options: HTTPClient.Options) throws {
        try set(CURLOPT_URL, request.url)
        // As signed: no dots taken out, no redirects, no other protocol.
        try set(CURLOPT_PATH_AS_IS, 1)
        try set(CURLOPT_FOLLOWLOCATION, 0)
        try set(CURLOPT_PROTOCOLS_STR, request.url.hasPrefix("http://") ? "http" : "https")
        try set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS))
        try set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        try set(CURLOPT_SSL_VERIFYPEER, 1)
        try set(CURLOPT_SSL_VERIFYHOST, 2)
        if let file = options.caFile { try set(CURLOPT_CAINFO, file) }
        if options.avoidsProxy { try set(CURLOPT_PROXY, "") }
        try set(CURLOPT_NOSIGNAL, 1)
        try set(CURLOPT_TCP_NODELAY, 1)
        try set(CURLOPT_CONNECTTIMEOUT, options.connectSeconds)
        try set(CURLOPT_LOW_SPEED_LIMIT, options.slowBytes)
        try set(CURLOPT_LOW_SPEED_TIME, options.slowSeconds)
        try set(CURLOPT_BUFFERSIZE, 1 << 17)
        try set(CURLOPT_UPLOAD_BUFFERSIZE, 1 << 18)
        try set(CURLOPT_USERAGENT, "ai-team")
        if options.sendSpeed > 0 { try set(CURLOPT_MAX_SEND_SPEED_LARGE, size: options.sendSpeed) }
        if let body = request.body {
            try set(CURLOPT_UPLOAD, 1)
            try set(CURLOPT_INFILESIZE_LARGE, size: body.size)
        } else if request.method == "HEAD" {
            try set(CURLOPT_NOBODY, 1)
        }
        if request.method != "HEAD" { try set(CURLOPT_CUSTOMREQUEST, request.method) }
        // There is no function to seek in the body: libcurl must not send one again on its own, or a put
        // that a lost connection had carried out would be answered as if someone else had made it.
        try set(CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
            guard let bytes, let context else { return 0 }
            return Transfer.from(context).take(UnsafeRawBufferPointer(start: bytes, count: size * count))
        }
        try set(CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
            guard let bytes, let context else { return 0 }
            return Transfer.from(context).header(UnsafeRawBufferPointer(start: bytes, count: size * count))
        }
        try set(CURLOPT_READFUNCTION) { bytes, size, count, context in
            guard let bytes, let context else { return Int(CURL_READFUNC_ABORT) }
            return Transfer.from(context).give(
                UnsafeMutableRawBufferPointer(start: bytes, count: size * count))
        }
    }

    // MARK: - C: curl_easy_setopt

    private func check(_ code: CURLcode, _ option: CURLoption) throws {
        guard code == CURLE_OK else {
            throw StorageError(
                .failed, "libcurl refuses its option \(option.rawValue) (\(code.rawValue))",
                hint: "install Debian's package libcurl4, version 7.88 or newer")
        }
    }

    private func set(_ option: CURLoption, _ value: Int) throws {
        try check(cc_set_long(library.set, handle, option, value), option)
    }

    private func set(_ option: CURLoption, size: UInt64) throws {
        try check(cc_set_size(library.set, handle, option, curl_off_t(clamping: size)), option)
    }

    private func set(_ option: CURLoption, _ value: String) throws {
        try check(cc_set_text(library.set, handle, option, value), option)
    }

    private func set(_ option: CURLoption, _ value: UnsafeMutableRawPointer?) throws {
        try check(cc_set_pointer(library.set, handle, option, value), option)
    }

    private func set(_ option: CURLoption, _ value: @escaping cc_data) throws {
        try check(cc_set_function(library.set, handle, option, value), option)
    }
}

/// The state of one transfer, reached by libcurl's callbacks.
private final class Transfer {
    private static let headerLimit = 1 << 16
    private static let failureLimit = 1 << 16

    private let request: HTTPRequest
    private let sink: (UnsafeRawBufferPointer) throws -> Void
    private let source = Source()
    private var sent: UInt64 = 0
    private var headerBytes = 0
    private(set) var response = HTTPResponse()
    /// What one of the callbacks threw; libcurl only learns that it has to stop.
    private(set) var error: (any Error)?

    /// The body's file.
    private final class Source {
        var file: Handle?

        final class Handle {
            let file: File
            init(_ file: consuming File) { self.file = file }
        }
    }

    init(_ request: HTTPRequest, sink: @escaping (UnsafeRawBufferPointer) throws -> Void) {
        self.request = request
        self.sink = sink
    }

    static func from(_ context: UnsafeMutableRawPointer) -> Transfer {
        Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    }

    func open() throws {
        guard case .file(let path, let size, _, _) = request.body else { return }
        let file = try File.open(path, .read)
        guard try file.size() == Int64(size) else {
            throw StorageError(.integrity, "\(path) changed while it was sent")
        }
        source.file = Source.Handle(file)
    }

    /// Bytes of the answer; fewer than there are stop the transfer.
    func take(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard response.isSuccess else {
            response.failure.append(contentsOf: bytes.prefix(Self.failureLimit - response.failure.count))
            return bytes.count
        }
        do { try sink(bytes) } catch {
            self.error = error
            return 0
        }
        return bytes.count
    }

    /// One line of the head, its end included.
    func header(_ bytes: UnsafeRawBufferPointer) -> Int {
        headerBytes += bytes.count
        guard headerBytes <= Self.headerLimit else { return 0 }
        var line = Substring(String(decoding: bytes, as: UTF8.self))
        while let last = line.last, last.isNewline { line.removeLast() }
        if line.hasPrefix("HTTP/") {
            response = HTTPResponse()
            let words = line.split(separator: " ")
            response.status = words.count > 1 ? Int(words[1]) ?? 0 : 0
        } else if let colon = line.firstIndex(of: ":") {
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            response.headers[line[..<colon].lowercased()] = String(value)
        }
        return bytes.count
    }

    /// Bytes of the body.
    func give(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard let body = request.body else { return 0 }
        let count = Int(min(UInt64(buffer.count), body.size - sent))
        guard count > 0 else { return 0 }
        switch body {
        case .bytes(let bytes):
            let start = Int(sent)
            bytes.withUnsafeBytes {
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + count]))
            }
        case .file(let path, _, _, _):
            do {
                let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
                guard try source.file?.file.read(into: part, at: Int64(sent)) == count else {
                    throw StorageError(.integrity, "\(path) changed while it was sent")
                }
            } catch {
                self.error = error
                return Int(CURL_READFUNC_ABORT)
            }
        }
        sent += UInt64(count)
        return count
    }
}
