/// Where an S3 service answers.
public struct S3Endpoint: Sendable, Hashable {
    /// How a bucket is named in a URL.
    public enum Addressing: String, Sendable, CaseIterable {
        /// `https://host/bucket/key`
        case path
        /// `https://bucket.host/key`
        case virtual
    }

    let isSecure: Bool
    /// Host and, when it is not the standard one, port.
    let authority: String

    /// Reads `https://host`, `https://host:port`; plain http only for this machine itself.
    ///
    /// - Throws: `.refused` for anything else.
    public init(_ text: String) throws(StorageError) {
        func refuse(_ why: String) -> StorageError {
            StorageError(
                .refused, "the endpoint '\(text)' \(why)",
                hint: "write it like https://ACCOUNT.r2.cloudflarestorage.com")
        }
        var rest: Substring
        let lower = text.lowercased()
        if lower.hasPrefix("https://") {
            isSecure = true
            rest = lower.dropFirst(8)
        } else if lower.hasPrefix("http://") {
            isSecure = false
            rest = lower.dropFirst(7)
        } else {
            throw refuse("does not begin with https://")
        }
        if rest.hasSuffix("/") { rest.removeLast() }
        let (host, port) = try Self.split(rest, refuse)
        guard isSecure || Self.isLoopback(host) else {
            throw refuse("is plain http, which is for this machine's own addresses alone")
        }
        let standard = isSecure ? 443 : 80
        authority = port.map { $0 == standard ? String(host) : "\(host):\($0)" } ?? String(host)
    }

    private static func split(
        _ rest: Substring, _ refuse: (String) -> StorageError
    ) throws(StorageError) -> (host: Substring, port: Int?) {
        var host = rest
        var port: Int?
        let end = rest.hasPrefix("[") ? rest.firstIndex(of: "]") ?? rest.startIndex : rest.startIndex
        if let colon = rest[end...].lastIndex(of: ":") {
            host = rest[..<colon]
            port = Int(rest[rest.index(after: colon)...])
            guard let port, 1...65_535 ~= port else { throw refuse("has no valid port") }
        }
        let inside = host.hasPrefix("[") && host.hasSuffix("]") ? host.dropFirst().dropLast() : host
        let isAddress = inside.count != host.count
        let isValid = inside.utf8.allSatisfy { byte in
            isAddress
                ? byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".") || Hexadecimal.isDigit(byte)
                : byte.isUnreserved && byte != UInt8(ascii: "~") && byte != UInt8(ascii: "_")
        }
        guard !inside.isEmpty, isValid else { throw refuse("names no host") }
        return (host, port)
    }

    /// `localhost`, 127.0.0.0/8, `[::1]`.
    private static func isLoopback(_ host: Substring) -> Bool {
        if host == "localhost" || host == "[::1]" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    /// Scheme and authority.
    package var url: String { (isSecure ? "https://" : "http://") + authority }

    /// True for this machine's own addresses.
    package var isLoopback: Bool {
        let host =
            authority.hasPrefix("[")
            ? authority.prefix { $0 != "]" } + "]" : authority.prefix { $0 != ":" }
        return Self.isLoopback(host)
    }
}

/// A bucket and the prefix in it under which one store's objects stand.
public struct S3Location: Sendable, Hashable {
    let endpoint: S3Endpoint
    let region: String
    let bucket: String
    /// Empty, or ending with a slash.
    let prefix: String
    let addressing: S3Endpoint.Addressing

    /// - Throws: `.refused` for a bucket or prefix that stores do not take.
    public init(
        endpoint: S3Endpoint, region: String = "auto", bucket: String, prefix: String = "",
        addressing: S3Endpoint.Addressing = .path
    ) throws(StorageError) {
        let letters = bucket.utf8.allSatisfy { $0.isUnreserved && $0 != UInt8(ascii: "~") }
        guard letters, 3...63 ~= bucket.utf8.count, !bucket.hasPrefix("."), !bucket.contains("..") else {
            throw StorageError(.refused, "'\(bucket)' is no name of a bucket")
        }
        guard !region.isEmpty, region.utf8.allSatisfy(\.isUnreserved) else {
            throw StorageError(.refused, "'\(region)' is no region")
        }
        guard prefix.isEmpty || (ObjectName(prefix) != nil && prefix.utf8.count <= 100) else {
            throw StorageError(
                .refused, "'\(prefix)' can't be a prefix",
                hint: "use letters, digits, - and _, with slashes between, 100 characters at most")
        }
        self.endpoint = endpoint
        self.region = region
        self.bucket = bucket
        self.prefix = prefix.isEmpty ? "" : prefix + "/"
        self.addressing = addressing
    }

    /// The host and the path of an object, or of the bucket when `key` is empty. Keys need no escaping.
    func address(_ key: String) -> (host: String, path: String) {
        switch addressing {
        case .path: (endpoint.authority, key.isEmpty ? "/\(bucket)" : "/\(bucket)/\(key)")
        case .virtual: ("\(bucket).\(endpoint.authority)", "/\(key)")
        }
    }

    var scheme: String { endpoint.isSecure ? "https://" : "http://" }
}
