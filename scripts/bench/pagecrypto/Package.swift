// swift-tools-version: 6.1
import PackageDescription

/// Measures one page of XAES-256-GCM against OpenSSL alone. `Sources` links to the project's own targets, so that
/// nothing but them is built:
///
///     swift run -c release --package-path scripts/bench/pagecrypto
let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "pagecrypto",
    platforms: [.macOS(.v15)],
    targets: [
        .systemLibrary(name: "COpenSSL", path: "Sources/COpenSSL"),
        .systemLibrary(name: "CSystem", path: "Sources/CSystem"),
        .target(
            name: "Cryptography", dependencies: ["COpenSSL", "CSystem"], path: "Sources/Cryptography",
            swiftSettings: house),
        .executableTarget(
            name: "pagecrypto", dependencies: ["Cryptography", "COpenSSL"], swiftSettings: house),
    ]
)
