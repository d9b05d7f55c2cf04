import CheckpointFormat
import FileSupport
import GPT2
import TensorKernels
import TestSupport
import Testing

@Suite("Names of weights")
struct WeightNamesTests {
  private let folder: TemporaryFolder
  private let model = tinyModel()

  init() throws {
    folder = try TemporaryFolder()
    try model.write(to: folder.path)
  }

  /// Writes the weights under other names and reads them.
  private func load(_ rename: (String) -> String) throws -> GPT2Model {
    let tensors = model.trainable.tensors(of: model.parameters).map {
      SafetensorsWriter.Tensor(
        name: rename($0.name), shape: $0.shape,
        read: $0.read)
    }
    try SafetensorsWriter.write(tensors, to: folder.path("model.safetensors"))
    return try GPT2Model(folder: folder.path, threadPool: ThreadPool(count: 1))
  }

  @Test(
    "what torch.compile and others put before all names is removed and reported",
    arguments: [
      "_orig_mod.", "module.", "module._orig_mod.", "_orig_mod.module.", "model.",
      "base_model.model.", "_fsdp_wrapped_module.", "module.model._orig_mod.",
    ])
  func wrappers(wrapper: String) throws {
    for inner in ["transformer.", ""] {
      let loaded = try load { wrapper + inner + $0.dropFirst("transformer.".count) }
      #expect(Array(loaded.parameters.floats) == Array(model.parameters.floats))
      #expect(
        loaded.notes == ["the names of the weights begin with '\(wrapper)', which is removed"])
    }
  }

  @Test("where not all names have it, the message says what it is and what to do")
  func mixed() throws {
    func problem(_ rename: (String) -> String) -> String? {
      #expect(throws: InputError.self) { try load(rename) }?.problem
    }
    let explanation =
      "; 'module.' comes from DataParallel or DistributedDataParallel and can be removed only if "
      + "all names begin with it: save the state_dict() of the inner model"
    #expect(
      problem { $0.hasSuffix("wte.weight") ? "module." + $0 : $0 }
        == "tensor 'transformer.wte.weight' is missing" + explanation)
    #expect(
      problem { $0.hasSuffix("ln_f.bias") ? "module." + $0 : $0 }
        == "tensor 'module.transformer.ln_f.bias' is not part of a GPT-2 model of 2 layers"
        + explanation)
    #expect(
      problem { $0.replacing("transformer.h.", with: "transformer._orig_mod.h.") }?
        .contains("; '_orig_mod.' comes from torch.compile and can be removed only") == true)
    #expect(
      problem {
        "base_model.model." + $0.replacing("c_attn.weight", with: "c_attn.base_layer.weight")
      }?.hasSuffix(
        "; these are weights with a PEFT adapter: merge it with merge_and_unload() and save the "
          + "model again") == true)
    // A name that is only unknown gets no explanation, and a long one is shortened.
    #expect(
      problem { $0.hasSuffix("ln_f.bias") ? String(repeating: "x", count: 1_000_000) : $0 }
        == "tensor '\(String(repeating: "x", count: 80))…' is not part of a GPT-2 model of 2 layers"
    )
  }
}
