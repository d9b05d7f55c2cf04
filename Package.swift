// swift-tools-version: 6.2
import PackageDescription

/// Settings every Swift target shares.
let swiftSettings: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// A library target in `Sources/<name>`.
func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

/// A program: one stage of the pipeline, in `Sources/<name>`.
func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name, dependencies: ["CommandLineSupport", "FileSupport"] + dependencies,
    swiftSettings: swiftSettings)
}

/// The tests of one library, in `Tests/<name>Tests`; `data` are folders with what they compare with.
func tests(
  of name: String, _ dependencies: [Target.Dependency] = [], data: [String] = []
) -> Target {
  .testTarget(
    name: name + "Tests", dependencies: [.target(name: name), "TestSupport"] + dependencies,
    exclude: data, swiftSettings: swiftSettings)
}

let package = Package(
  name: "bugurt-gpt",
  products: [
    .executable(name: "tg-dump", targets: ["tg-dump"]),
    .executable(name: "bugurt-clean", targets: ["bugurt-clean"]),
    .executable(name: "bpe-encode", targets: ["bpe-encode"]),
    .executable(name: "gpt-finetune", targets: ["gpt-finetune"]),
    .executable(name: "gpt-sample", targets: ["gpt-sample"]),
    // For Tests/Fuzz, a package of its own.
    .library(name: "FileSupport", targets: ["FileSupport"]),
    .library(name: "PostFormat", targets: ["PostFormat"]),
    .library(name: "TelegramSources", targets: ["TelegramSources"]),
  ],
  targets: [
    // MARK: C libraries of the system
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "COneDNN", providers: [.apt(["libdnnl-dev"])]),
    .systemLibrary(
      name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "CLibXML2", pkgConfig: "libxml-2.0", providers: [.apt(["libxml2-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CLibEdit", pkgConfig: "libedit", providers: [.apt(["libedit-dev"])]),

    // MARK: Our own C
    .target(name: "CKernels", cSettings: [.enableWarning("all"), .treatAllWarnings(as: .error)]),

    // MARK: Support
    library("FileSupport", ["CZlib"]),
    library("CommandLineSupport", ["FileSupport"]),
    library("LineEditing", ["FileSupport", "CLibEdit"]),

    // MARK: File formats
    library("PostFormat", ["FileSupport"]),
    library("CorpusFormat", ["FileSupport"]),
    library("TokenShardFormat", ["FileSupport"]),
    library("CheckpointFormat", ["FileSupport"]),

    // MARK: Tokenizer and model
    library("BytePairEncoding", ["CKernels", "FileSupport"]),
    library("TensorKernels", ["COpenBLAS", "COneDNN", "CKernels", "FileSupport"]),
    library("GPT2", ["TensorKernels", "CheckpointFormat", "FileSupport"]),

    // MARK: Stages
    library("TelegramSources", ["PostFormat", "FileSupport", "CLibXML2", "CCurl"]),
    library("TextCleaning", ["PostFormat", "CorpusFormat", "FileSupport", "CKernels"]),
    library(
      "Training",
      ["GPT2", "TensorKernels", "TokenShardFormat", "CheckpointFormat", "FileSupport"]),
    library(
      "Sampling",
      ["GPT2", "TensorKernels", "BytePairEncoding", "TokenShardFormat", "FileSupport"]),

    // MARK: Programs
    program("tg-dump", ["TelegramSources", "PostFormat"]),
    program("bugurt-clean", ["TextCleaning", "PostFormat", "CorpusFormat"]),
    program("bpe-encode", ["BytePairEncoding", "CorpusFormat", "TokenShardFormat"]),
    program(
      "gpt-finetune",
      [
        "Training", "GPT2", "TensorKernels", "BytePairEncoding", "TokenShardFormat",
        "CheckpointFormat",
      ]),
    program(
      "gpt-sample",
      [
        "Sampling", "GPT2", "TensorKernels", "BytePairEncoding", "CheckpointFormat", "LineEditing",
      ]),

    // MARK: Tests
    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: swiftSettings),
    tests(of: "CommandLineSupport", ["FileSupport"]),
    tests(of: "FileSupport"),
    tests(of: "PostFormat", ["FileSupport"]),
    tests(of: "CorpusFormat", ["FileSupport"]),
    tests(of: "TokenShardFormat", ["FileSupport"]),
    tests(of: "CheckpointFormat", ["FileSupport"]),
    tests(of: "BytePairEncoding", ["FileSupport"], data: ["Reference"]),
    tests(of: "TensorKernels"),
    tests(
      of: "GPT2", ["TensorKernels", "CheckpointFormat", "FileSupport"], data: ["Reference"]),
    tests(of: "TelegramSources", ["PostFormat", "FileSupport"], data: ["StandIn"]),
    tests(of: "TextCleaning", ["PostFormat", "CorpusFormat", "FileSupport"]),
    tests(
      of: "Training",
      ["GPT2", "TensorKernels", "TokenShardFormat", "CheckpointFormat", "FileSupport"],
      data: ["Reference"]),
    tests(of: "LineEditing"),
    tests(
      of: "Sampling",
      ["GPT2", "TensorKernels", "BytePairEncoding", "TokenShardFormat", "FileSupport"]),
    .testTarget(
      name: "PipelineTests",
      dependencies: [
        "TestSupport", "tg-dump", "bugurt-clean", "bpe-encode", "gpt-finetune", "gpt-sample",
      ],
      swiftSettings: swiftSettings),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c17
)
