// swift-tools-version: 6.2
import PackageDescription

// A package of its own, because it and all that it depends on are compiled for libFuzzer; see
// Sources/Fuzz/Fuzz.swift.
let package = Package(
  name: "fuzz",
  dependencies: [.package(name: "bugurt-gpt", path: "../..")],
  targets: [
    .executableTarget(
      name: "Fuzz",
      dependencies: [
        "BytePairEncoding", "CheckpointFormat", "CorpusFormat", "FileSupport", "GPT2",
        "JSONSupport",
        "PostFormat", "TelegramSources", "TextCleaning", "TokenShardFormat",
      ].map { .product(name: $0, package: "bugurt-gpt") },
      swiftSettings: [
        .treatAllWarnings(as: .error),
        .enableUpcomingFeature("MemberImportVisibility"),
      ])
  ],
  swiftLanguageModes: [.v6]
)
