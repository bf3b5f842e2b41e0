/// Which way a collection travels between this home and its remote.
public enum SyncDirection: String, Sendable, CaseIterable {
    case bidirectional
    case pushToCloud = "push_to_cloud"
    case pullFromCloud = "pull_from_cloud"
    case off

    /// Whether what is written here is sent.
    public var pushes: Bool { self == .bidirectional || self == .pushToCloud }
    /// Whether what others wrote is taken over.
    public var pulls: Bool { self == .bidirectional || self == .pullFromCloud }
}

/// What this home does by itself about what merging left to decide.
public enum ConflictResolution: String, Sendable, CaseIterable {
    /// The newer version of a document counts.
    case newestWins = "newest_wins"
    /// It waits for a person.
    case manual
    /// Texts are merged by lines, where both sides changed different ones; the rest waits.
    case merge
}

/// `sync_config` of `config/sync.yaml`. It is this device's own and only narrows: what the vault's policy
/// does not let travel, no file makes travel.
public struct SyncRules: Sendable, Equatable {
    /// What has a section of its own.
    public enum Section: String, Sendable, CaseIterable {
        case tasks
        case knowledgeBase = "knowledge_base"
        case documents, logs

        /// What the seed's configuration says of it, and the most that the vault's policy allows.
        var seed: SyncDirection { self == .tasks || self == .knowledgeBase ? .bidirectional : .pushToCloud }

        /// The section of a stream of records.
        public init(stream: UInt16) {
            self =
                switch stream {
                case SyncStream.knowledgeBase: .knowledgeBase
                case SyncStream.documents: .documents
                default: .tasks
                }
        }
    }

    private static let prefix = "sync_config."
    private let directions: [Section: SyncDirection]
    private let resolutions: [Section: ConflictResolution]

    /// What a configuration says; what it leaves unsaid is as in a new home.
    public init(_ configuration: HomeConfiguration) {
        var directions: [Section: SyncDirection] = [:]
        var resolutions: [Section: ConflictResolution] = [:]
        for section in Section.allCases {
            let key = Self.prefix + section.rawValue
            directions[section] = configuration[key + ".direction"].flatMap(SyncDirection.init)
            resolutions[section] = configuration[key + ".conflict_resolution"]
                .flatMap(ConflictResolution.init)
        }
        self.directions = directions
        self.resolutions = resolutions
    }

    /// Whether what is written here of a section is sent.
    public func pushes(_ section: Section) -> Bool {
        section.seed.pushes && (directions[section] ?? section.seed).pushes
    }

    /// Whether what others wrote of a section is taken over.
    public func pulls(_ section: Section) -> Bool {
        section.seed.pulls && (directions[section] ?? section.seed).pulls
    }

    /// What is done about conflicts.
    public func resolution(_ section: Section) -> ConflictResolution {
        resolutions[section] ?? (section == .knowledgeBase ? .manual : .newestWins)
    }

    /// - Throws: `VaultError` with code `invalid` for a section, a setting or a word that nobody knows.
    static func validate(_ entries: [HomeConfiguration.Entry]) throws {
        for entry in entries where entry.key == "sync_config" || entry.key.hasPrefix(prefix) {
            // When contents travel is looked at where its words are.
            if entry.key == prefix + "blobs" { continue }
            let parts = entry.key.dropFirst(prefix.count).split(separator: ".").map(String.init)
            let names = Section.allCases.map(\.rawValue).joined(separator: ", ")
            guard let section = parts.first.flatMap(Section.init), parts.count == 2 else {
                throw refusal(entry, "has no such section", "there are \(names)")
            }
            switch parts[1] {
            case "direction":
                let words = SyncDirection.allCases.map(\.rawValue)
                guard words.contains(entry.value) else {
                    throw refusal(entry, "is '\(entry.value)'", "use one of " + words.joined(separator: ", "))
                }
            case "conflict_resolution" where section != .logs:
                let words = ConflictResolution.allCases.map(\.rawValue)
                guard words.contains(entry.value) else {
                    throw refusal(entry, "is '\(entry.value)'", "use one of " + words.joined(separator: ", "))
                }
            // Days are looked at with those of backups.
            case "retention_local" where section == .logs, "retention_cloud" where section == .logs: break
            default:
                throw refusal(
                    entry, "is no setting",
                    "there are direction, conflict_resolution and, of logs, retentions")
            }
        }
    }

    private static func refusal(
        _ entry: HomeConfiguration.Entry, _ what: String, _ hint: String
    ) -> VaultError {
        VaultError(.invalid, "\(entry.source): \(entry.key) \(what)", hint: hint)
    }
}
