/// What an answer that is no success means.
enum S3Failure {
    /// The service's own code, such as `SlowDown`; empty when the answer does not say.
    static func code(_ response: HTTPResponse) -> String {
        MarkupReader.read(response.failure)?["Code"]?.text ?? ""
    }

    static func error(_ response: HTTPResponse, _ what: String) -> StorageError {
        let code = code(response)
        let shown = code.isEmpty ? "status \(response.status)" : "\(code), status \(response.status)"
        let message = "\(what): the store answers \(printable(shown))"
        switch (response.status, code) {
        case (_, "RequestTimeTooSkewed"):
            return StorageError(.clockSkew, message, hint: "set this machine's clock")
        case (_, "ObjectLockedByBucketPolicy"):
            return StorageError(
                .locked, message, hint: "a lock of the bucket protects it; it ends by itself")
        case (_, "NoSuchBucket"):
            return StorageError(
                .refused, message, hint: "make the bucket (scripts/setup-cloud.sh), or check its name")
        case (_, "NoSuchUpload"): return StorageError(.notFound, message)
        case (_, "AuthorizationHeaderMalformed"), (400, ""):
            // An answer to HEAD has no words.
            let region = MarkupReader.read(response.failure)?["Region"]?.text
            let word = region.map(printable) ?? "NAME"
            return StorageError(
                .refused, message,
                hint: (region == nil ? "the region may be wrong" : "the bucket's region is \(word)")
                    + ": ai-team config cloud.region \(word)")
        case (404, _): return StorageError(.notFound, message)
        case (412, _): return StorageError(.preconditionFailed, message)
        case (409, "ConditionalRequestConflict"), (409, "OperationAborted"), (429, _), (503, _):
            return StorageError(.throttled, message, retryAfter: retryAfter(response))
        case (408, _), (500, _), (502, _), (504, _), (_, "RequestTimeout"), (_, "IncompleteBody"):
            return StorageError(.unreachable, message, retryAfter: retryAfter(response))
        case (401, _), (_, "InvalidAccessKeyId"), (_, "SignatureDoesNotMatch"), (_, "ExpiredToken"),
            (_, "InvalidToken"):
            return StorageError(
                .unauthorized, message, hint: "check the access key and its secret, and this machine's clock")
        case (403, _):
            return StorageError(
                .forbidden, message, hint: "give the key the permission to read and write objects")
        case (416, _): return StorageError(.outOfRange, message)
        case (_, "NotImplemented"), (501, _): return StorageError(.notSupported, message)
        case (_, "BadDigest"), (_, "InvalidDigest"), (_, "XAmzContentSHA256Mismatch"):
            return StorageError(.integrity, message)
        case (300...399, _):
            return StorageError(
                .refused, message, hint: "the bucket is elsewhere: check endpoint, region and addressing")
        default: return StorageError(.refused, message)
        }
    }

    static func error(_ failure: TransferFailure, _ what: String, etag: ETag?) -> StorageError {
        let message = "\(what): \(failure.message)"
        switch failure.reason {
        case .connection: return StorageError(.unreachable, message, etag: etag)
        case .untrusted:
            return StorageError(
                .refused, message, hint: "for a certificate of your own, name its file as ca_file")
        case .refused: return StorageError(.refused, message)
        }
    }

    /// The header Retry-After in milliseconds: seconds, or a date beside the answer's own.
    private static func retryAfter(_ response: HTTPResponse) -> UInt64? {
        guard let text = response.headers["retry-after"] else { return nil }
        if let seconds = UInt64(text) { return min(seconds, 86_400) * 1000 }
        guard let until = CivilTime(header: text), let now = response.date else { return nil }
        return UInt64(clamping: until.milliseconds - now)
    }

    /// Letters of an answer that may go to a terminal.
    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.prefix(100).filter { $0.value >= 32 && $0.value < 127 }))
    }
}

extension HTTPResponse {
    /// The store's clock, in milliseconds since 1970.
    var date: Int64? { headers["date"].flatMap(CivilTime.init(header:))?.milliseconds }
}
