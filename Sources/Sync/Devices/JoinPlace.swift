internal import Cryptography
internal import ObjectStorage

/// Where requests to join stand in a remote: `j/<tag>`, and `j/<tag>-2` for who finds another's there. Two
/// requests with a valid proof tell the inviter that two have the token.
enum JoinPlace: CaseIterable {
    case first, second

    /// The object's name.
    func objectName(tag: [UInt8]) -> ObjectName {
        let path = SyncName.root + "j/" + Crockford32.encode(tag) + (self == .first ? "" : "-2")
        guard let name = ObjectName(path) else {
            preconditionFailure("names of requests are made of letters and digits")
        }
        return name
    }
}

extension ObjectStore {
    /// The object, or nil when it is not there. What is too long for a request reads as empty.
    func request(at name: ObjectName) throws -> [UInt8]? {
        do { return try read(name, limit: JoinRequest.count) } catch let error as StorageError {
            switch error.code {
            case .notFound: return nil
            case .integrity: return []
            default: throw error
            }
        }
    }
}
