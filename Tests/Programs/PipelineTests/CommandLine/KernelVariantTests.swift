import TestSupport
import Testing

/// Programs that are held to the kernels for older processors (`BUGURT_KERNELS`).
@Suite("kernels for older processors")
struct KernelVariantTests {
  private let project: Project

  init() throws {
    project = try Project.finished()
  }

  private static let known = ["haswell", "avx512", "vnni", "bfloat16", "tiles"]

  /// What gpt-sample prints with the kernels `variant`, or those it chooses.
  private func sample(_ arguments: [String], _ variant: String?) throws -> Ended {
    var environment = Subprocess.environment
    environment["BUGURT_KERNELS"] = variant
    return try Subprocess.run(
      try builtProgram("gpt-sample"), arguments, in: project.folder.path, environment: environment)
  }

  /// The variants that this processor can run, the best one last.
  private func variants() throws -> [String] {
    let names = try (Self.known + [nil]).map { variant in
      let printed = try sample(["--version"], variant).output
      return try String(#require(printed.firstMatch(of: /own kernels, (\w+)/)).1)
    }
    return names.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }

  @Test("are chosen by name, unless the processor lacks them")
  func choice() throws {
    let variants = try variants()
    #expect(variants == ["baseline"] || Self.known.starts(with: variants))
  }

  @Test("write the same texts", arguments: ["fp32", "bf16", "int8", "int4"])
  func texts(_ weights: String) throws {
    let arguments = [
      "checkpoints/fixture/final", "-n", "3", "--prompt", "кот", "--max-length", "40",
      "--weights", weights,
    ]
    let texts = try Set(variants().map { try sample(arguments, $0).output })
    #expect(texts.count == 1)
    #expect(texts.first?.isEmpty == false)
  }
}
