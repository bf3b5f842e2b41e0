/// The house of docs/DESIGN.md as a table: what each target may import. Arrows only point down.
enum Layers {
    private static let system: Set<String> = [
        "Swift", "Glibc", "Synchronization", "FoundationEssentials", "Dispatch",
    ]

    private static let below: [String: Set<String>] = [
        "FileSystem": ["CSystem"],
        "Cryptography": ["COpenSSL", "CSystem"],
        "KeyRing": ["FileSystem", "Cryptography", "CSystem"],
        "EncryptedSQLite": ["FileSystem", "Cryptography", "CSystem", "GRDB", "GRDBSQLite"],
        "Compression": ["CZstd"],
        "ObjectStorage": ["FileSystem", "Cryptography", "CCurl"],
        "Vault": [
            "FileSystem", "Cryptography", "KeyRing", "EncryptedSQLite", "Compression", "CSystem", "GRDB",
            "GRDBSQLite", "Yams",
        ],
        "Sync": [
            "FileSystem", "Cryptography", "KeyRing", "Compression", "Vault", "ObjectStorage",
        ],
        "Backup": [
            "FileSystem", "Cryptography", "KeyRing", "EncryptedSQLite", "Compression", "Vault",
            "ObjectStorage", "CArchive", "CSystem", "GRDB",
        ],
        "Knowledge": [
            "FileSystem", "Cryptography", "Compression", "Vault", "ObjectStorage", "CBLAS",
        ],
        "ai-team": [
            "FileSystem", "Cryptography", "KeyRing", "EncryptedSQLite", "Vault", "ObjectStorage",
            "Backup", "Sync", "Knowledge", "CSystem", "ArgumentParser",
        ],
    ]

    /// C modules, and how the files that import them are named.
    private static let suffixes: [String: String] = [
        "COpenSSL": "+OpenSSL.swift", "CArchive": "+Archive.swift", "CZstd": "+Zstd.swift",
        "CCurl": "+Curl.swift", "CBLAS": "+BLAS.swift", "CSystem": "+System.swift",
        "GRDBSQLite": "+SQLite.swift",
    ]

    /// Imports that point up or sideways, and C in a file that doesn't say so in its name.
    static func violations(in file: SourceFile) -> [Violation] {
        guard let allowed = below[file.target] else {
            return [Violation(file: file, line: 1, rule: "target \(file.target) is not in Layers.swift")]
        }
        return file.imports.compactMap { module, line in
            if !allowed.contains(module), !system.contains(module) {
                return Violation(file: file, line: line, rule: "\(file.target) must not import \(module)")
            }
            if let suffix = suffixes[module], !file.name.hasSuffix(suffix),
                module != "CSystem" || !isMarked(file)
            {
                return Violation(
                    file: file, line: line, rule: "a file that imports \(module) is named X\(suffix)")
            }
            return nil
        }
    }

    /// A file that stands beside another C library may make system calls too: its name says C already.
    private static func isMarked(_ file: SourceFile) -> Bool {
        suffixes.values.contains { file.name.hasSuffix($0) }
    }
}
