internal import FileSystem
internal import Yams

extension HomeConfiguration {
    /// Sets a dotted key in the file it belongs to and, when it is guarded, in the encrypted settings
    /// too; nil
    /// removes it. Comments at the top of the file stay, others go.
    /// - Throws: `VaultError` with code `invalid` for a key or value that the files may not hold.
    public static func set(_ key: String, to value: String?, in home: Home, _ tx: WriteTransaction?) throws {
        if isGuarded(key, value), tx == nil {
            throw VaultError(.invalid, "\(key) can be set only with the vault unlocked")
        }
        try store(key, value, in: home)
        if let tx, isGuarded(key, value) { try tx.setSetting(confirmedPrefix + key, value) }
    }

    private static func store(_ key: String, _ value: String?, in home: Home) throws {
        let (file, keys) = try place(of: key)
        let path = "\(home.configDirectory)/\(file.rawValue).yaml"
        let old = try Files.exists(path) ? Files.readAll(path, limit: 1 << 20) : []
        let text = String(decoding: old, as: UTF8.self)
        let root = try Yams.compose(yaml: text)?.mapping ?? Node.Mapping([])
        let changed = replacing(keys, in: .mapping(root), with: value.map { node(of: $0, for: key) })
        let header = text.split(separator: "\n", omittingEmptySubsequences: false).prefix {
            $0.hasPrefix("#")
        }
        let body = try Yams.serialize(node: changed, allowUnicode: true)
        let new = header.map { $0 + "\n" }.joined() + body
        try Durable.replace(path, with: Array(new.utf8))
        do { _ = try HomeConfiguration(of: home) } catch {
            try Durable.replace(path, with: old)
            throw error
        }
    }

    private static func place(of key: String) throws -> (ConfigFile, [String]) {
        let parts = key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard !parts.contains(where: { $0.isEmpty || !isForeignID($0) }), parts.count <= 8 else {
            throw VaultError(.invalid, "'\(key)' is not a key", hint: "write it like backup.local.retention")
        }
        switch parts[0] {
        case "cloud" where parts.count > 1: return (.cloud, Array(parts.dropFirst()))
        case "agents" where parts.count > 1: return (.agents, Array(parts.dropFirst()))
        case "sync_config": return (.sync, parts)
        case "backup" where parts.count > 1 && !listKeys.contains(key): return (.sync, parts)
        default: return (.local, parts)
        }
    }

    /// A value of a list may be given as a JSON array.
    private static func node(of value: String, for key: String) -> Node {
        guard listKeys.contains(key), let list = list(value) else { return Node(value) }
        return Node.sequence(Node.Sequence(list.map { Node($0) }))
    }

    private static func replacing(_ keys: [String], in node: Node, with value: Node?) -> Node {
        guard let key = keys.first else { return value ?? node }
        var mapping = node.mapping ?? Node.Mapping([])
        let name = Node(key)
        if keys.count == 1 {
            mapping[name] = value
        } else if value != nil || mapping[name] != nil {
            mapping[name] = replacing(
                Array(keys.dropFirst()), in: mapping[name] ?? Node.mapping(Node.Mapping([])), with: value)
        }
        return Node.mapping(mapping)
    }
}
