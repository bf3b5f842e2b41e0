/// Where work happens unless a command says otherwise. The word `hybrid` means `auto`.
public enum Mode: String, Sendable, CaseIterable {
    case local, cloud, auto

    public init?(name: String) { self.init(rawValue: name == "hybrid" ? "auto" : name) }
}

/// The files under `config/`.
enum ConfigFile: String, CaseIterable {
    case local, cloud, sync, agents

    /// What a new home begins with.
    func template(_ mode: Mode) -> String {
        switch self {
        case .local:
            """
            # This machine's own settings.
            mode: \(mode.rawValue)

            """
        case .cloud:
            """
            # Object storage for sync and cloud backups, e.g.
            #   endpoint: https://ACCOUNT.r2.cloudflarestorage.com
            #   region: auto
            #   bucket: my-bucket
            #   prefix: ai-team
            #   addressing: path            # or virtual
            #   credentials_file: s3.key    # or `ai-team backup cloud login`
            #   bandwidth: 2000000          # bytes a second
            # Changes here take effect after `ai-team config confirm`. Secrets never stand in this file.
            {}

            """
        case .sync:
            """
            # What travels between devices, and how long backups are kept.
            sync_config:
              tasks:          { direction: bidirectional, conflict_resolution: newest_wins }
              knowledge_base: { direction: bidirectional, conflict_resolution: manual }
              documents:      { direction: push_to_cloud }
              # Lines stay here until they were sent; with direction off only retention_local counts.
              logs:           { direction: push_to_cloud, retention_local: 7_days, retention_cloud: 90_days }
              blobs: eager    # documents' contents: eager, lazy (when asked for), off (never)
            backup:
              local: { frequency: daily,  retention: 30_days, path: ./data/backups/ }
              cloud: { frequency: weekly, retention: 90_days, encryption: true }

            """
        case .agents:
            """
            # Settings of the twelve agents. None are needed.
            {}

            """
        }
    }
}
