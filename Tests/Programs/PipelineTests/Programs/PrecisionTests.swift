import TensorKernels
import TestSupport
import Testing

@Suite("gpt-finetune: the precision of a run")
struct PrecisionTests {
  private let project: Project
  private let native: Precision = ThreadPool.multipliesBFloat16 ? .bf16 : .fp32

  init() throws {
    project = try Project.finished()
  }

  /// The log of a short run with `options`, which has to succeed.
  private func log(_ options: String...) throws -> String {
    let ended = try project.run(
      "gpt-finetune",
      [
        "data/tokens/fixture", "-o", "run", "--layers=1", "--width=16", "--heads=2", "--context=32",
        "--block-size=16", "--max-steps=4", "--save-steps=2", "--threads=1",
      ] + options)
    try #require(ended.status == 0, "\(ended.log)")
    return ended.log
  }

  @Test("a new model is trained in bf16 where the processor has it, others in fp32")
  func defaults() throws {
    #expect(try log().contains("products in \(native)\n"))
    #expect(try log("--restart", "--recipe=original").contains("products in fp32\n"))
    #expect(try log("--restart", "--precision=fp32").contains("products in fp32\n"))
    let model = "--model=checkpoints/fixture/final"
    #expect(try log("--restart", model).contains("products in fp32\n"))
  }

  @Test(
    "a run that is resumed keeps its precision",
    arguments: [("fp32", "house"), ("auto", "original")])
  func resumed(precision: String, recipe: String) throws {
    let first = try log("--precision=\(precision)", "--recipe=\(recipe)")
    let products = try #require(first.firstMatch(of: /products in .*\n/)).output
    #expect(try log("--resume", "--recipe=\(recipe)").contains("run is already finished"))
    try project.remove("run/final")
    let resumed = try log("--resume", "--recipe=\(recipe)")
    #expect(resumed.contains("resuming after step ") && resumed.contains(products), "\(resumed)")
  }

  @Test("a run with other settings does not take the precision of the one that it replaces")
  func replaced() throws {
    _ = try log("--precision=fp32")
    let replacing = try log("--resume", "--restart", "--learning-rate=0.01")
    #expect(replacing.contains("products in \(native)\n"), "\(replacing)")
    #expect(replacing.contains("the earlier run differs: "))
  }
}
