internal import FoundationEssentials
internal import GRDB

/// A consistent view of the vault. Whatever is read through one transaction belongs to one moment.
/// It is good only inside the closure that it is given to.
public class ReadTransaction {
    let db: Database
    /// The moment the transaction began.
    public let now: Timestamp
    /// This device, 16 bytes.
    let ownDevice: [UInt8]
    let origins = Origins()

    init(db: Database, now: Timestamp, device: [UInt8]) {
        self.db = db
        self.now = now
        ownDevice = device
    }
}

extension FieldValue {
    var databaseValue: DatabaseValue {
        switch self {
        case .null: .null
        case .integer(let value): value.databaseValue
        case .real(let value): value.databaseValue
        case .text(let value): value.databaseValue
        case .blob(let bytes): Data(bytes).databaseValue
        }
    }
}
