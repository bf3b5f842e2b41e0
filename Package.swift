// swift-tools-version: 6.1
import PackageDescription

/// Every target speaks Swift 6 and says what it imports and with which visibility.
let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// Swift's own Foundation calls mktemp; GNU ld warns about it in static builds, lld does not.
let program: [LinkerSetting] = [.unsafeFlags(["-use-ld=lld"])]

let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let sqlite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let argumentParser = Target.Dependency.product(
    name: "ArgumentParser", package: "swift-argument-parser")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

// Targets stand in dependency order: each may use only what is above it (docs/DESIGN.md, "The house").
let package = Package(
    name: "ai-team",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "ai-team", targets: ["ai-team"])
    ],
    dependencies: [
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // System libraries: module maps and the few inline wrappers that a macro forces on us.
        .systemLibrary(
            name: "COpenSSL", path: "Sources/COpenSSL", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CArchive", path: "Sources/CArchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(
            name: "CZstd", path: "Sources/CZstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(
            name: "CCurl", path: "Sources/CCurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(
            name: "CBLAS", path: "Sources/CBLAS", providers: [.apt(["libopenblas0-pthread"])]),
        .systemLibrary(name: "CSystem", path: "Sources/CSystem"),

        // The one door to files: descriptors that close themselves, durable writes, locks.
        .target(name: "FileSystem", dependencies: ["CSystem"], swiftSettings: house),
        // Secret bytes, AEAD, KDF, signatures, key agreement, chunked encryption.
        .target(
            name: "Cryptography", dependencies: ["COpenSSL", "CSystem"], swiftSettings: house),
        // The root key, its slots, epochs, devices, the roster, the key agent.
        .target(
            name: "KeyRing", dependencies: ["FileSystem", "Cryptography", "CSystem"],
            swiftSettings: house),
        // SQLite's pages, encrypted and authenticated, under GRDB.
        .target(
            name: "EncryptedSQLite",
            dependencies: ["FileSystem", "Cryptography", "CSystem", grdb, sqlite],
            swiftSettings: house),
        // zstd with declared, capped lengths.
        .target(name: "Compression", dependencies: ["CZstd"], swiftSettings: house),
        // Named bytes in a directory or an S3 bucket, and what stands between: retries, limits, counting.
        .target(
            name: "ObjectStorage", dependencies: ["FileSystem", "Cryptography", "CCurl"],
            swiftSettings: house),
        // The one API for data: projects, tasks, documents, logs, settings, the change log, blobs.
        .target(
            name: "Vault",
            dependencies: [
                "FileSystem", "Cryptography", "KeyRing", "EncryptedSQLite", "Compression", "CSystem",
                grdb, sqlite, yams,
            ],
            swiftSettings: house),
        // The core of sync, its formats, and what carries it to a store and a vault.
        .target(
            name: "Sync",
            dependencies: [
                "FileSystem", "Cryptography", "KeyRing", "Compression", "Vault", "ObjectStorage",
            ],
            swiftSettings: house),
        // Snapshots, packs, signed manifests, restore.
        .target(
            name: "Backup",
            dependencies: [
                "FileSystem", "Cryptography", "KeyRing", "EncryptedSQLite", "Compression", "Vault",
                "ObjectStorage", "CArchive", "CSystem", grdb,
            ],
            swiftSettings: house),
        // What finds: chunks of documents, embeddings, vectors, ranking.
        .target(
            name: "Knowledge",
            dependencies: [
                "FileSystem", "Cryptography", "Compression", "Vault", "ObjectStorage", "CBLAS",
            ],
            swiftSettings: house),
        // The command line: argument parsing and output, nothing else.
        .executableTarget(
            name: "ai-team",
            dependencies: [
                "FileSystem", "Cryptography", "KeyRing", "EncryptedSQLite", "Vault", "ObjectStorage", "Sync",
                "Backup", "Knowledge", "CSystem", argumentParser,
            ],
            swiftSettings: house, linkerSettings: program, plugins: ["BuildInfo"]),
        // The commit and the build date that `ai-team --version` prints.
        .plugin(name: "BuildInfo", capability: .buildTool()),

        // What tests share: seeded randomness and clocks, temporary homes, process helpers.
        .target(
            name: "TestSupport",
            dependencies: [
                "FileSystem", "Cryptography", "KeyRing", "EncryptedSQLite", "Vault", "ObjectStorage",
                "CSystem",
            ],
            path: "Tests/TestSupport", swiftSettings: house),
        // A process for the crash and concurrency tests to start and to kill.
        .executableTarget(
            name: "test-worker",
            dependencies: [
                "COpenSSL", "FileSystem", "KeyRing", "EncryptedSQLite", "Vault", "ObjectStorage", "Backup",
                "Knowledge",
                "TestSupport", grdb, sqlite,
            ],
            path: "Tests/Worker", swiftSettings: house, linkerSettings: program),
        .testTarget(
            name: "FileSystemTests", dependencies: ["FileSystem", "TestSupport"],
            swiftSettings: house),
        .testTarget(
            name: "CryptographyTests", dependencies: ["Cryptography", "TestSupport"],
            exclude: ["Vectors"], swiftSettings: house),
        .testTarget(
            name: "KeyRingTests", dependencies: ["KeyRing", "TestSupport"], swiftSettings: house),
        .testTarget(
            name: "EncryptedSQLiteTests",
            dependencies: ["EncryptedSQLite", "TestSupport", "test-worker", grdb, sqlite],
            swiftSettings: house),
        .testTarget(
            name: "CompressionTests", dependencies: ["Compression", "TestSupport"],
            swiftSettings: house),
        .testTarget(
            name: "ObjectStorageTests",
            dependencies: ["ObjectStorage", "FileSystem", "Cryptography", "TestSupport"],
            exclude: ["Servers"], swiftSettings: house),
        .testTarget(
            name: "VaultTests",
            dependencies: [
                "Vault", "FileSystem", "Cryptography", "KeyRing", "EncryptedSQLite", "TestSupport",
                "test-worker", grdb,
            ],
            swiftSettings: house),
        .testTarget(
            name: "BackupTests",
            dependencies: ["Backup", "ObjectStorage", "TestSupport", "test-worker", grdb],
            swiftSettings: house),
        // A simulated world of devices, a store and an adversary, out of one seed.
        .target(
            name: "Simulation",
            dependencies: [
                "Cryptography", "KeyRing", "Vault", "ObjectStorage", "Sync", "TestSupport",
            ],
            path: "Tests/Simulation", exclude: ["regressions.txt"], swiftSettings: house),
        // Runs seeds of it.
        .executableTarget(
            name: "test-simulator", dependencies: ["Simulation"], path: "Tests/Simulator",
            swiftSettings: house, linkerSettings: program),
        .testTarget(
            name: "SyncTests",
            dependencies: [
                "Sync", "Simulation", "FileSystem", "Cryptography", "KeyRing", "Vault", "ObjectStorage",
                "TestSupport",
            ],
            swiftSettings: house),
        .testTarget(
            name: "KnowledgeTests",
            dependencies: [
                "Knowledge", "FileSystem", "Cryptography", "KeyRing", "Vault", "ObjectStorage",
                "TestSupport", "test-worker",
            ],
            exclude: ["Relevance", "Local/make_model.py", "Servers"], swiftSettings: house),
        .testTarget(
            name: "EndToEndTests", dependencies: ["TestSupport", "ai-team", "test-worker"],
            swiftSettings: house),
        .testTarget(name: "TidyTests", dependencies: ["TestSupport"], swiftSettings: house),
    ]
)
