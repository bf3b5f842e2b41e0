import Cryptography
import Synchronization

/// The objects of the strict server and its rules for them.
final class StrictBucket: Sendable {
    private static let pageLimit = 1000
    private static let partMinimum = 5 << 20

    /// How a read looks at the bucket.
    struct View {
        var isStale = false
        var isShort = false
    }

    private struct Object {
        var bytes: [UInt8]
        var etag: String
        var modified: Int64
    }

    private struct Upload {
        var key: String
        var parts: [Int: Object] = [:]
    }

    private struct State {
        var objects: [String: Object] = [:]
        /// What stood under a name before its last write.
        var former: [String: Object] = [:]
        var written: [String: Int64] = [:]
        var uploads: [String: Upload] = [:]
        var uploadCount = 0
    }

    private let options: StrictServer.Options
    private let state = Mutex(State())

    init(_ options: StrictServer.Options) { self.options = options }

    func bytes(_ key: String) -> [UInt8]? { state.withLock { $0.objects[key]?.bytes } }

    var keys: [String] { state.withLock { $0.objects.keys.sorted { Array($0.utf8).precedes($1.utf8) } } }

    func plant(_ key: String, _ bytes: [UInt8]?) {
        let object = bytes.map { Object(bytes: $0, etag: Self.md5($0), modified: options.now()) }
        state.withLock { state in
            state.former[key] = state.objects[key]
            state.objects[key] = object
        }
    }

    func perform(_ request: StrictRequest, _ view: View, now: Int64) -> StrictAnswer {
        guard request.bucket == StrictServer.bucket else { return StrictAnswer(404, "NoSuchBucket") }
        guard request.key.utf8.count <= 1024 else { return StrictAnswer(400, "KeyTooLongError") }
        if let refusal = digestRefusal(request) { return refusal }
        return state.withLock { state in
            if request.key.isEmpty {
                switch (request.method, request.query["list-type"]) {
                case ("GET", "2"): return list(request, state, view)
                case ("HEAD", nil): return StrictAnswer(200)
                default: return StrictAnswer(501, "NotImplemented")
                }
            }
            switch (request.method, request.query["uploadId"], request.query["uploads"]) {
            case ("GET", nil, nil), ("HEAD", nil, nil): return read(request, state, view)
            case ("PUT", nil, nil):
                guard request.headers["x-amz-copy-source"] == nil else {
                    return StrictAnswer(501, "NotImplemented")
                }
                return put(request.key, request.body, request, &state, now)
            case ("DELETE", nil, nil): return delete(request, &state, now)
            case ("POST", nil, _?): return begin(request, &state)
            case ("PUT", let id?, nil): return part(request, id, &state, now)
            case ("POST", let id?, nil): return complete(request, id, &state, now)
            case ("DELETE", let id?, nil):
                return StrictAnswer(state.uploads.removeValue(forKey: id) == nil ? 404 : 204)
            default: return StrictAnswer(501, "NotImplemented")
            }
        }
    }

    private func digestRefusal(_ request: StrictRequest) -> StrictAnswer? {
        guard let given = request.headers["content-md5"] else { return nil }
        guard given.utf8.count == 24, given.hasSuffix("==") else { return StrictAnswer(400, "InvalidDigest") }
        return given == Self.base64(Self.md5Bytes(request.body)) ? nil : StrictAnswer(400, "BadDigest")
    }

    // MARK: - Reading

    private func read(_ request: StrictRequest, _ state: State, _ view: View) -> StrictAnswer {
        let found = view.isStale ? state.former[request.key] : state.objects[request.key]
        guard let object = found else { return StrictAnswer(404, "NoSuchKey") }
        var headers = [
            "ETag": "\"\(object.etag)\"", "Last-Modified": StrictTime.header(object.modified),
            "Accept-Ranges": "bytes",
        ]
        if request.headers["if-none-match"] == headers["ETag"] { return StrictAnswer(304, headers: headers) }
        if let wanted = request.headers["if-match"], wanted != headers["ETag"] {
            return StrictAnswer(412, "PreconditionFailed")
        }
        var answer: StrictAnswer
        if let text = request.headers["range"] {
            guard let range = Self.range(text, object.bytes.count) else {
                return StrictAnswer(416, "InvalidRange")
            }
            let all = object.bytes.count
            headers["Content-Range"] = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(all)"
            answer = StrictAnswer(206, headers: headers, body: Array(object.bytes[range]))
        } else {
            answer = StrictAnswer(200, headers: headers, body: object.bytes)
        }
        if request.method == "HEAD" {
            answer.length = answer.body.count
            answer.body = []
        }
        return answer
    }

    private static func range(_ text: String, _ count: Int) -> Range<Int>? {
        guard text.hasPrefix("bytes=") else { return nil }
        let ends = text.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Int(ends[0]), first < count else { return nil }
        let last = ends[1].isEmpty ? count - 1 : Int(ends[1]) ?? -1
        return last < first ? nil : first..<min(last + 1, count)
    }

    private func list(_ request: StrictRequest, _ state: State, _ view: View) -> StrictAnswer {
        let query = request.query
        let prefix = query["prefix"] ?? ""
        let after = query["continuation-token"] ?? query["start-after"] ?? ""
        let asked = query["max-keys"].flatMap { Int($0) } ?? Self.pageLimit
        let limit = view.isShort ? 1 : min(Self.pageLimit, max(0, asked))
        let objects = view.isStale ? state.former : state.objects
        let names = objects.keys.filter {
            Array($0.utf8).starts(with: prefix.utf8) && Array(after.utf8).precedes($0.utf8)
        }
        .sorted { Array($0.utf8).precedes($1.utf8) }
        let page = names.prefix(limit)
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult "
        text += "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>\(StrictServer.bucket)</Name>"
        text += "<KeyCount>\(page.count)</KeyCount><MaxKeys>\(limit)</MaxKeys>"
        text += "<IsTruncated>\(names.count > limit)</IsTruncated>"
        let isEscaped = query["encoding-type"] == "url"
        func shown(_ name: String) -> String {
            isEscaped ? StrictRequest.escaped(name, keepsSlashes: true) : Self.markup(name)
        }
        if isEscaped { text += "<EncodingType>url</EncodingType>" }
        text += "<Prefix>\(shown(prefix))</Prefix>"
        if names.count > limit, let last = page.last {
            text += "<NextContinuationToken>\(Self.markup(last))</NextContinuationToken>"
        }
        for name in page {
            guard let object = objects[name] else { continue }
            text += "<Contents><Key>\(shown(name))</Key><Size>\(object.bytes.count)</Size>"
            text += "<LastModified>\(StrictTime.listing(object.modified))</LastModified>"
            text += "<ETag>&quot;\(object.etag)&quot;</ETag><StorageClass>STANDARD</StorageClass></Contents>"
        }
        text += "</ListBucketResult>"
        return StrictAnswer(200, headers: ["Content-Type": "application/xml"], body: Array(text.utf8))
    }

    // MARK: - Writing

    private func isLocked(_ key: String, _ state: State) -> Bool {
        state.objects[key] != nil && options.lockedPrefixes.contains { key.hasPrefix($0) }
    }

    /// Why a write may not happen: rate, condition, lock.
    private func refusal(
        _ key: String, _ request: StrictRequest, _ state: State, _ now: Int64
    ) -> StrictAnswer? {
        if let last = state.written[key], options.writeInterval > 0, now - last < options.writeInterval {
            return StrictAnswer(429, "TooManyRequests")
        }
        if options.locksComeFirst, isLocked(key, state) {
            return StrictAnswer(403, "ObjectLockedByBucketPolicy")
        }
        let (absent, match) = (request.headers["if-none-match"], request.headers["if-match"])
        if absent != nil || match != nil, options.conditions == .refused {
            return StrictAnswer(501, "NotImplemented")
        }
        if options.conditions == .honoured {
            if let absent {
                guard absent == "*" else { return StrictAnswer(501, "NotImplemented") }
                if state.objects[key] != nil { return StrictAnswer(412, "PreconditionFailed") }
            }
            if let match, match != state.objects[key].map({ "\"\($0.etag)\"" }) {
                return StrictAnswer(412, "PreconditionFailed")
            }
        }
        return isLocked(key, state) ? StrictAnswer(403, "ObjectLockedByBucketPolicy") : nil
    }

    private func put(
        _ key: String, _ bytes: [UInt8], _ request: StrictRequest, _ state: inout State, _ now: Int64,
        etag: String? = nil
    ) -> StrictAnswer {
        if let refusal = refusal(key, request, state, now) { return refusal }
        let object = Object(bytes: bytes, etag: etag ?? Self.md5(bytes), modified: now)
        state.former[key] = state.objects[key]
        state.objects[key] = object
        state.written[key] = now
        var answer = StrictAnswer(200, headers: ["ETag": "\"\(object.etag)\""])
        answer.isApplied = true
        return answer
    }

    private func delete(_ request: StrictRequest, _ state: inout State, _ now: Int64) -> StrictAnswer {
        if isLocked(request.key, state) { return StrictAnswer(403, "ObjectLockedByBucketPolicy") }
        state.former[request.key] = state.objects[request.key]
        var answer = StrictAnswer(204)
        answer.isApplied = state.objects.removeValue(forKey: request.key) != nil
        return answer
    }

    private func begin(_ request: StrictRequest, _ state: inout State) -> StrictAnswer {
        state.uploadCount += 1
        let id = "upload+/=\(state.uploadCount)"
        state.uploads[id] = Upload(key: request.key)
        let text = "<InitiateMultipartUploadResult><UploadId>\(id)</UploadId></InitiateMultipartUploadResult>"
        return StrictAnswer(200, body: Array(text.utf8))
    }

    private func part(
        _ request: StrictRequest, _ id: String, _ state: inout State, _ now: Int64
    ) -> StrictAnswer {
        guard let number = request.query["partNumber"].flatMap({ Int($0) }), 1...10_000 ~= number else {
            return StrictAnswer(400, "InvalidArgument")
        }
        guard state.uploads[id]?.key == request.key else { return StrictAnswer(404, "NoSuchUpload") }
        let object = Object(bytes: request.body, etag: Self.md5(request.body), modified: now)
        state.uploads[id]?.parts[number] = object
        return StrictAnswer(200, headers: ["ETag": "\"\(object.etag)\""])
    }

    private func complete(
        _ request: StrictRequest, _ id: String, _ state: inout State, _ now: Int64
    ) -> StrictAnswer {
        guard let upload = state.uploads[id], upload.key == request.key else {
            return StrictAnswer(404, "NoSuchUpload")
        }
        let list = String(decoding: request.body, as: UTF8.self).split(separator: "<").filter {
            $0.hasPrefix("PartNumber>") || $0.hasPrefix("ETag>")
        }
        var parts: [Object] = []
        var last = 0
        for index in stride(from: 0, to: list.count - 1, by: 2) {
            let words = list[index...index + 1].sorted { $0.count > $1.count }
            guard let number = Int(words[1].dropFirst(11)), number > last, let part = upload.parts[number],
                words[0].contains(part.etag)
            else { return StrictAnswer(400, "InvalidPart") }
            last = number
            parts.append(part)
        }
        guard let first = parts.first else { return StrictAnswer(400, "MalformedXML") }
        let sizes = parts.map(\.bytes.count)
        guard sizes.dropLast().allSatisfy({ $0 == first.bytes.count }), sizes[sizes.count - 1] <= sizes[0]
        else { return StrictAnswer(400, "InvalidPart") }
        guard sizes.dropLast().allSatisfy({ $0 >= Self.partMinimum }) else {
            return StrictAnswer(400, "EntityTooSmall")
        }
        let etag = Self.md5(parts.flatMap { Self.md5Bytes($0.bytes) }) + "-\(parts.count)"
        var answer = put(request.key, parts.flatMap(\.bytes), request, &state, now, etag: etag)
        guard answer.status == 200 else { return answer }
        state.uploads[id] = nil
        answer.body = Array(
            "<CompleteMultipartUploadResult><ETag>\"\(etag)\"</ETag></CompleteMultipartUploadResult>".utf8)
        return answer
    }

    // MARK: - Bytes

    private static func markup(_ text: String) -> String {
        text.reduce(into: "") { result, letter in
            switch letter {
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "&": result += "&amp;"
            default: result.append(letter)
            }
        }
    }

    private static func md5(_ bytes: [UInt8]) -> String { StrictSignature.hex(md5Bytes(bytes)) }

    private static func md5Bytes(_ bytes: [UInt8]) -> [UInt8] {
        do {
            var checksum = try StoreChecksum()
            try bytes.withUnsafeBytes { try checksum.update($0) }
            return try checksum.finalize()
        } catch {
            return []
        }
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var text = ""
        var (word, bits) = (0, 0)
        for byte in bytes {
            word = (word << 8 | Int(byte)) & 0xFFFF
            bits += 8
            while bits >= 6 {
                bits -= 6
                text.append(letters[word >> bits & 63])
            }
        }
        if bits > 0 { text.append(letters[word << (6 - bits) & 63]) }
        return text + String(repeating: "=", count: (4 - text.count % 4) % 4)
    }
}

extension [UInt8] {
    fileprivate func precedes(_ other: some Sequence<UInt8>) -> Bool { lexicographicallyPrecedes(other) }
}
