import TestSupport
import Testing

@Suite("gpt-finetune with adapters")
struct AdapterTrainingTests {
  private let project: Project
  private static let model = "checkpoints/fixture/final"

  init() throws {
    project = try Project.finished()
  }

  private func train(_ options: [String], to run: String = "checkpoints/adapted") throws -> Ended {
    try project.run(
      "gpt-finetune",
      ["data/tokens/fixture", "-o", run, "--block-size=16", "--max-steps=2", "--report-to=none"]
        + options)
  }

  private func sample(_ model: [String]) throws -> String {
    let sampled = try project.run("gpt-sample", model + ["--prompt=кот", "--quiet", "--count=2"])
    #expect(sampled.status == 0, "\(sampled.log)")
    return sampled.output
  }

  @Test(
    "the merged model and the adapter beside it write the same texts, and it can be trained further"
  )
  func training() throws {
    let trained = try train([
      "--model", Self.model, "--adapter=lora", "--learning-rate=0.5", "--warmup-steps=0",
    ])
    #expect(trained.status == 0, "\(trained.log)")
    #expect(trained.log.contains("of them trained"))
    let merged = try sample(["checkpoints/adapted/final"])
    #expect(try merged != sample([Self.model]))
    #expect(try sample([Self.model, "--adapter=checkpoints/adapted/final/adapter"]) == merged)
    #expect(try sample(["checkpoints/adapted/final/adapter"]) == merged)
    let further = try train(
      ["--model", Self.model, "--adapter-from=checkpoints/adapted/final/adapter", "--merge=no"],
      to: "checkpoints/further")
    #expect(further.status == 0, "\(further.log)")
    #expect(try !sample(["checkpoints/further/final"]).isEmpty)
  }

  @Test(
    "options that do not fit are refused, with what would",
    arguments: [
      (["--adapter=lora"], "an adapter needs --model"),
      (["--model", model, "--lora-r=8"], "--lora-r needs --adapter lora"),
      (
        ["--model", model, "--adapter=lora", "--target-modules=c_foo"],
        "expected some of attn.c_attn"
      ),
      (
        ["--model", model, "--adapter=lora", "--target-modules=(", "--lora-r=4"],
        "--target-modules ("
      ),
      (
        ["--model", model, "--adapter=lora", "--layers-to-transform=0-3"],
        "names block 1, but the model has the blocks 0 to 0"
      ),
      (["--model", model, "--adapter=lora", "--modules-to-save=wte"], #"expected "ln_f""#),
      (
        ["--model", model, "--adapter=lora", "--use-dora", "--lora-dropout=0.1"],
        "does not go with --use-dora"
      ),
      (["--model", model, "--adapter-from=a", "--lora-r=4"], "does not go with --adapter-from"),
    ])
  func usage(options: [String], message: String) throws {
    let ended = try train(options)
    #expect(ended.status == 64)
    #expect(ended.log.contains(message), "\(ended.log)")
  }

  @Test("make trains an adapter of MODEL")
  func make() throws {
    let made = try project.make(
      "train",
      with: [
        "RUN": "adapted", "MODEL": Self.model, "ADAPTER": "lora", "LORA_R": "2", "MAX_STEPS": "2",
        "EXPORT": "data/fixture/result.json",
      ])
    #expect(made.status == 0, "\(made.log)")
    #expect(project.exists("checkpoints/adapted/final/adapter/adapter_config.json"))
    #expect(project.exists("checkpoints/adapted/final/model.safetensors"))
  }
}
