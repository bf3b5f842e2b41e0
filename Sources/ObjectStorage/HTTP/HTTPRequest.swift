/// A request as it goes out: everything is escaped, and nothing is added but what HTTP itself needs.
package struct HTTPRequest: Sendable {
    package var method: String
    /// Scheme, host, path, query.
    package var url: String
    /// In lower case, in the order in which they were signed.
    package var headers: [(name: String, value: String)]
    package var body: ObjectBody?
    package var secretHeader: SecretHeader?

    package init(
        method: String, url: String, headers: [(name: String, value: String)], body: ObjectBody? = nil,
        secretHeader: SecretHeader? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.secretHeader = secretHeader
    }
}

/// An answer whose body went to the sink, or, when its status was not wanted, stands in `failure`.
package struct HTTPResponse: Sendable {
    package var status = 0
    /// Names in lower case. Of two headers of one name the last counts.
    package var headers: [String: String] = [:]
    /// The beginning of a body that was not wanted.
    package var failure: [UInt8] = []

    package var isSuccess: Bool { 200...299 ~= status }
}

/// What a transfer died of.
package struct TransferFailure: Error, Sendable {
    package enum Reason: Sendable {
        /// No connection, a lost one, silence, half a body: the request may have been carried out or not.
        case connection
        /// TLS was refused, by either side.
        case untrusted
        /// The library or this program would not do it.
        case refused
    }

    package var reason: Reason
    package var message: String
    /// Of an answer that had begun.
    package var response: HTTPResponse?
}
