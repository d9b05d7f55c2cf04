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

/// A C library in `Sources/System/<name>`, installed by Debian's `package` unless it is part of the
/// system.
func systemLibrary(_ name: String, pkgConfig: String? = nil, package: String? = nil) -> Target {
  .systemLibrary(
    name: name, path: "Sources/System/\(name)", pkgConfig: pkgConfig,
    providers: package.map { [.apt([$0])] })
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
    .library(name: "BytePairEncoding", targets: ["BytePairEncoding"]),
    .library(name: "CheckpointFormat", targets: ["CheckpointFormat"]),
    .library(name: "CorpusFormat", targets: ["CorpusFormat"]),
    .library(name: "FileSupport", targets: ["FileSupport"]),
    .library(name: "GPT2", targets: ["GPT2"]),
    .library(name: "JSONSupport", targets: ["JSONSupport"]),
    .library(name: "PostFormat", targets: ["PostFormat"]),
    .library(name: "TelegramSources", targets: ["TelegramSources"]),
    .library(name: "TextCleaning", targets: ["TextCleaning"]),
    .library(name: "TokenShardFormat", targets: ["TokenShardFormat"]),
  ],
  targets: [
    // MARK: System: C libraries of Debian
    systemLibrary("CSystem"),
    systemLibrary("COpenBLAS", pkgConfig: "openblas", package: "libopenblas-dev"),
    systemLibrary("CCurl", package: "libcurl4-openssl-dev"),
    systemLibrary("CCrypto", package: "libssl-dev"),
    systemLibrary("CLibXML2", pkgConfig: "libxml-2.0", package: "libxml2-dev"),
    systemLibrary("CZlib", pkgConfig: "zlib", package: "zlib1g-dev"),
    systemLibrary("CDeflate", pkgConfig: "libdeflate", package: "libdeflate-dev"),
    systemLibrary("CPCRE2", pkgConfig: "libpcre2-8", package: "libpcre2-dev"),
    systemLibrary("CMPI"),
    systemLibrary("CLibEdit", pkgConfig: "libedit", package: "libedit-dev"),
    .target(
      name: "CBuild", path: "Sources/System/CBuild",
      cSettings: [.enableWarning("all"), .treatAllWarnings(as: .error)]),

    // MARK: Model: our own C
    .target(
      name: "CKernels", path: "Sources/Model/CKernels", sources: ["Variants"],
      cSettings: [.enableWarning("all"), .treatAllWarnings(as: .error)]),

    // MARK: Support
    library("TextSupport", in: .support),
    library("FileSupport", in: .support, ["TextSupport", "CSystem", "CZlib", "CDeflate"]),
    library("JSONSupport", in: .support, ["FileSupport", "TextSupport"]),
    library("Threading", in: .support, ["FileSupport", "TextSupport", "CSystem"]),
    library(
      "CommandLineSupport", in: .support,
      ["Threading", "FileSupport", "TextSupport", "CSystem", "CBuild"]),
    library(
      "Communication", in: .support, ["CommandLineSupport", "Threading", "FileSupport", "CMPI"]),
    library("LineEditing", in: .support, ["FileSupport", "CLibEdit"]),
    library("HTTPSupport", in: .support, ["FileSupport", "TextSupport", "CCurl"]),

    // MARK: Formats
    library("PostFormat", in: .formats, ["JSONSupport", "FileSupport", "TextSupport"]),
    library("CorpusFormat", in: .formats, ["JSONSupport", "FileSupport", "TextSupport"]),
    library("TokenShardFormat", in: .formats, ["JSONSupport", "FileSupport", "TextSupport"]),
    library(
      "CheckpointFormat", in: .formats, ["JSONSupport", "FileSupport", "TextSupport", "CPCRE2"]),
    library("TensorBoardFormat", in: .formats, ["FileSupport"]),
    library(
      "ModelHub", in: .formats,
      [
        "HTTPSupport", "CommandLineSupport", "JSONSupport", "FileSupport", "TextSupport", "CCrypto",
      ]),

    // MARK: Model: tokenizer and network
    library(
      "BytePairEncoding", in: .model,
      ["CheckpointFormat", "JSONSupport", "FileSupport", "TextSupport"]),
    library(
      "TensorKernels", in: .model,
      ["COpenBLAS", "CKernels", "Threading", "FileSupport"]),
    library(
      "GPT2", in: .model,
      [
        "BytePairEncoding", "TensorKernels", "CheckpointFormat", "JSONSupport", "FileSupport",
        "TextSupport",
      ]),
    library(
      "TextGeneration", in: .model,
      [
        "GPT2", "TensorKernels", "CKernels", "BytePairEncoding", "TokenShardFormat", "JSONSupport",
        "FileSupport",
      ]),

    // MARK: Stages
    library(
      "TelegramSources", in: .stages,
      [
        "PostFormat", "JSONSupport", "HTTPSupport", "Threading", "FileSupport", "TextSupport",
        "CLibXML2",
      ]),
    library(
      "TextCleaning", in: .stages,
      [
        "PostFormat", "CorpusFormat", "JSONSupport", "Threading", "FileSupport", "TextSupport",
        "CKernels",
      ]),
    library(
      "CorpusEncoding", in: .stages,
      [
        "BytePairEncoding", "CorpusFormat", "TokenShardFormat", "JSONSupport", "Threading",
        "FileSupport", "TextSupport",
      ]),
    library(
      "Training", in: .stages,
      [
        "TextGeneration", "GPT2", "TensorKernels", "BytePairEncoding", "TokenShardFormat",
        "CorpusFormat", "CheckpointFormat", "TensorBoardFormat", "Communication", "JSONSupport",
        "FileSupport", "TextSupport",
      ]),
    library(
      "Sampling", in: .stages,
      [
        "TextGeneration", "GPT2", "BytePairEncoding", "TokenShardFormat",
        "CommandLineSupport", "LineEditing", "JSONSupport", "FileSupport", "TextSupport",
      ]),

    // MARK: Programs
    program("tg-dump", ["TelegramSources", "PostFormat", "HTTPSupport", "TextSupport"]),
    program("bugurt-clean", ["TextCleaning", "PostFormat", "CorpusFormat", "Threading"]),
    program(
      "bpe-encode",
      [
        "CorpusEncoding", "BytePairEncoding", "CheckpointFormat", "CorpusFormat",
        "TokenShardFormat", "ModelHub", "JSONSupport", "Threading", "TextSupport",
      ]),
    program(
      "gpt-finetune",
      [
        "Training", "GPT2", "TensorKernels", "TokenShardFormat", "CheckpointFormat", "ModelHub",
        "Communication", "Threading", "TextSupport",
      ]),
    program(
      "gpt-sample",
      [
        "Sampling", "TextGeneration", "GPT2", "TensorKernels", "BytePairEncoding",
        "CheckpointFormat", "ModelHub", "JSONSupport", "Threading", "TextSupport",
      ]),

    // MARK: Tests
    .target(
      name: "TestSupport", dependencies: ["Communication"], path: "Tests/Support/TestSupport",
      swiftSettings: swiftSettings),
    tests(of: "CommandLineSupport", in: .support, ["FileSupport", "TextSupport"]),
    tests(of: "TextSupport", in: .support),
    tests(of: "FileSupport", in: .support),
    tests(of: "JSONSupport", in: .support, ["FileSupport", "TextSupport"]),
    tests(of: "Threading", in: .support, ["FileSupport"]),
    tests(of: "Communication", in: .support, ["CommandLineSupport", "FileSupport"]),
    tests(of: "PostFormat", in: .formats, ["FileSupport"]),
    tests(of: "CorpusFormat", in: .formats, ["JSONSupport", "FileSupport", "TextSupport"]),
    tests(of: "TokenShardFormat", in: .formats, ["JSONSupport", "FileSupport"]),
    tests(of: "CheckpointFormat", in: .formats, ["JSONSupport", "FileSupport"]),
    tests(of: "TensorBoardFormat", in: .formats),
    tests(of: "ModelHub", in: .formats, ["HTTPSupport"]),
    tests(
      of: "BytePairEncoding", in: .model,
      ["CheckpointFormat", "JSONSupport", "FileSupport", "TextSupport"],
      data: ["Reference"]),
    tests(of: "TensorKernels", in: .model, ["COpenBLAS"]),
    tests(
      of: "GPT2", in: .model,
      ["BytePairEncoding", "TensorKernels", "CheckpointFormat", "JSONSupport", "FileSupport"],
      data: ["Reference", "Adapters/Reference"]),
    tests(
      of: "TextGeneration", in: .model,
      ["GPT2", "TensorKernels", "BytePairEncoding", "JSONSupport"]),
    tests(
      of: "TelegramSources", in: .stages,
      ["PostFormat", "HTTPSupport", "JSONSupport", "FileSupport"],
      data: ["StandIn"]),
    tests(
      of: "TextCleaning", in: .stages,
      ["PostFormat", "CorpusFormat", "JSONSupport", "FileSupport", "TextSupport"]),
    tests(
      of: "CorpusEncoding", in: .stages,
      ["BytePairEncoding", "CorpusFormat", "TokenShardFormat", "JSONSupport", "FileSupport"]),
    tests(
      of: "Training", in: .stages,
      [
        "TextGeneration", "GPT2", "TensorKernels", "BytePairEncoding", "TokenShardFormat",
        "CheckpointFormat", "Communication", "CommandLineSupport", "JSONSupport", "FileSupport",
      ],
      data: ["Reference"]),
    tests(of: "LineEditing", in: .support),
    tests(of: "HTTPSupport", in: .support),
    tests(
      of: "Sampling", in: .stages,
      [
        "TextGeneration", "GPT2", "TensorKernels", "BytePairEncoding", "TokenShardFormat",
        "JSONSupport", "FileSupport",
      ]),
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

// With ONLY_TESTS, the names of test targets, what these do not need is not compiled. A target is listed
// after those that it imports.
if let tests = Context.environment["ONLY_TESTS"] {
  var needed = Set(tests.split(separator: " ").map(String.init))
  for target in package.targets.reversed() where needed.contains(target.name) {
    for case .byNameItem(let name, _) in target.dependencies { needed.insert(name) }
    for case .targetItem(let name, _) in target.dependencies { needed.insert(name) }
  }
  package.products = []
  package.targets.removeAll { !needed.contains($0.name) }
}
