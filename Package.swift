// swift-tools-version: 6.2
import PackageDescription

/// Settings every Swift target shares.
let swiftSettings: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// A floor of the house: a folder of `Sources`, whose targets import from their own floor or a lower
/// one.
enum Floor: String {
  case system = "System"
  case support = "Support"
  case formats = "Formats"
  case model = "Model"
  case stages = "Stages"
  case programs = "Programs"
}

/// A C library that Debian's `package` installs, in `Sources/System/<name>`.
func systemLibrary(_ name: String, pkgConfig: String? = nil, package: String) -> Target {
  .systemLibrary(
    name: name, path: "Sources/System/\(name)", pkgConfig: pkgConfig, providers: [.apt([package])])
}

/// A library in `Sources/<floor>/<name>`.
func library(
  _ name: String, in floor: Floor, _ dependencies: [Target.Dependency] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, path: "Sources/\(floor.rawValue)/\(name)",
    swiftSettings: swiftSettings)
}

/// A program: one stage of the pipeline, in `Sources/Programs/<name>`.
func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name, dependencies: ["CommandLineSupport", "FileSupport"] + dependencies,
    path: "Sources/Programs/\(name)", swiftSettings: swiftSettings)
}

/// The tests of a library, in `Tests/<floor>/<name>Tests`; `data` names folders of reference data.
func tests(
  of name: String, in floor: Floor, _ dependencies: [Target.Dependency] = [], data: [String] = []
) -> Target {
  .testTarget(
    name: name + "Tests", dependencies: [.target(name: name), "TestSupport"] + dependencies,
    path: "Tests/\(floor.rawValue)/\(name)Tests", exclude: data, swiftSettings: swiftSettings)
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
    // MARK: System: C libraries of Debian
    systemLibrary("COpenBLAS", pkgConfig: "openblas", package: "libopenblas-dev"),
    systemLibrary("COneDNN", package: "libdnnl-dev"),
    systemLibrary("CCurl", pkgConfig: "libcurl", package: "libcurl4-openssl-dev"),
    systemLibrary("CLibXML2", pkgConfig: "libxml-2.0", package: "libxml2-dev"),
    systemLibrary("CZlib", pkgConfig: "zlib", package: "zlib1g-dev"),
    systemLibrary("CLibEdit", pkgConfig: "libedit", package: "libedit-dev"),

    // MARK: Model: our own C
    .target(
      name: "CKernels", path: "Sources/Model/CKernels",
      cSettings: [.enableWarning("all"), .treatAllWarnings(as: .error)]),

    // MARK: Support
    library("FileSupport", in: .support, ["CZlib"]),
    library("CommandLineSupport", in: .support, ["FileSupport"]),
    library("LineEditing", in: .support, ["FileSupport", "CLibEdit"]),

    // MARK: Formats
    library("PostFormat", in: .formats, ["FileSupport"]),
    library("CorpusFormat", in: .formats, ["FileSupport"]),
    library("TokenShardFormat", in: .formats, ["FileSupport"]),
    library("CheckpointFormat", in: .formats, ["FileSupport"]),

    // MARK: Model: tokenizer and network
    library("BytePairEncoding", in: .model, ["CKernels", "FileSupport"]),
    library("TensorKernels", in: .model, ["COpenBLAS", "COneDNN", "CKernels", "FileSupport"]),
    library("GPT2", in: .model, ["TensorKernels", "CheckpointFormat", "FileSupport"]),

    // MARK: Stages
    library("TelegramSources", in: .stages, ["PostFormat", "FileSupport", "CLibXML2", "CCurl"]),
    library(
      "TextCleaning", in: .stages, ["PostFormat", "CorpusFormat", "FileSupport", "CKernels"]),
    library(
      "Training", in: .stages,
      ["GPT2", "TensorKernels", "TokenShardFormat", "CheckpointFormat", "FileSupport"]),
    library(
      "Sampling", in: .stages,
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
    .target(name: "TestSupport", path: "Tests/Support/TestSupport", swiftSettings: swiftSettings),
    tests(of: "CommandLineSupport", in: .support, ["FileSupport"]),
    tests(of: "FileSupport", in: .support),
    tests(of: "PostFormat", in: .formats, ["FileSupport"]),
    tests(of: "CorpusFormat", in: .formats, ["FileSupport"]),
    tests(of: "TokenShardFormat", in: .formats, ["FileSupport"]),
    tests(of: "CheckpointFormat", in: .formats, ["FileSupport"]),
    tests(of: "BytePairEncoding", in: .model, ["FileSupport"], data: ["Reference"]),
    tests(of: "TensorKernels", in: .model),
    tests(
      of: "GPT2", in: .model, ["TensorKernels", "CheckpointFormat", "FileSupport"],
      data: ["Reference"]),
    tests(of: "TelegramSources", in: .stages, ["PostFormat", "FileSupport"], data: ["StandIn"]),
    tests(of: "TextCleaning", in: .stages, ["PostFormat", "CorpusFormat", "FileSupport"]),
    tests(
      of: "Training", in: .stages,
      ["GPT2", "TensorKernels", "TokenShardFormat", "CheckpointFormat", "FileSupport"],
      data: ["Reference"]),
    tests(of: "LineEditing", in: .support),
    tests(
      of: "Sampling", in: .stages,
      ["GPT2", "TensorKernels", "BytePairEncoding", "TokenShardFormat", "FileSupport"]),
    .testTarget(
      name: "PipelineTests",
      dependencies: [
        "TestSupport", "tg-dump", "bugurt-clean", "bpe-encode", "gpt-finetune", "gpt-sample",
      ],
      path: "Tests/Programs/PipelineTests", swiftSettings: swiftSettings),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c17
)
