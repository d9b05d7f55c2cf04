import CheckpointFormat
import CommandLineSupport
import FileSupport
import GPT2
import TensorKernels
import TextSupport

/// The kinds of adapters.
enum AdapterKind: String, CaseIterable, ArgumentValue { case lora }

/// How an adapter begins; the raw values are peft's.
enum InitialAdapterWeights: String, CaseIterable, ArgumentValue {
  case standard = "true"
  case gaussian, pissa
}

/// Whether the final model is merged with its adapter.
enum MergeChoice: String, CaseIterable, ArgumentValue { case auto, yes, no }

extension AdapterPlan.Biases: ArgumentValue {}
extension WeightType: ArgumentValue {}

/// An adapter to train instead of all weights; names are those of peft's LoraConfig.
struct AdapterOptions: ArgumentGroup {
  @Option(
    help: "train an adapter and leave the model's own weights as they are: three quarters of "
      + "the time, two fifths of the memory, a quarter in bf16. lora adds the product of two small "
      + "matrices to each matrix", valueName: "type", defaultText: "train all weights")
  var adapter: AdapterKind?
  @Option(
    help: "rank of the small matrices: how much the adapter can learn, and its size",
    valueName: "n",
    defaultText: "16", accepting: .within(1...4096))
  var loraR: Int?
  @Option(
    help: "how strongly the adapter acts: the product is multiplied by alpha / rank",
    valueName: "alpha", defaultText: "twice the rank; the rank with pissa", accepting: .above(0))
  var loraAlpha: Double?
  @Option(
    help: "dropout probability of what enters the adapter", valueName: "p", defaultText: "0",
    accepting: .within(0...0.99))
  var loraDropout: Double?
  @Option(
    help: "matrices that are adapted: names separated by commas, such as attn.c_attn,mlp.c_fc; a "
      + "regular expression for the whole name; or all-linear", valueName: "names",
    defaultText: "all-linear")
  var targetModules: String?
  @Flag(help: "multiply by alpha / √rank, which suits large ranks better (rsLoRA)")
  var useRslora = false
  @Flag(help: "also learn the length of each column of an adapted matrix (DoRA)")
  var useDora = false
  @Option(
    help:
      "how the adapter begins: true, random and without effect; gaussian, the same with a normal "
      + "distribution; or pissa, as the principal part of each matrix",
    valueName: "type", defaultText: "true")
  var initLoraWeights: InitialAdapterWeights?
  @Option(
    help: "blocks whose matrices are adapted, counted from 0, such as 18-23 or 0,5,11",
    valueName: "blocks", defaultText: "all")
  var layersToTransform: String?
  @Option(
    help: "biases that are trained too: none, all, or those of the adapted matrices (lora_only)",
    valueName: "type", defaultText: "none")
  var bias: AdapterPlan.Biases?
  @Option(
    help: "module that is trained in full besides the adapter: ln_f, the last layer normalisation",
    valueName: "name", defaultText: "none")
  var modulesToSave: String?
  @Option(
    help:
      "how the model's own weights are stored in memory during training: fp32, bf16, int8 or int4; "
      + "fewer bits take less memory and change the result slightly", valueName: "type",
    defaultText: "as --precision")
  var baseWeights: WeightType?
  @Option(
    help:
      "whether final/ is the model merged with the adapter, besides final/adapter/: yes, no, or "
      + "auto, if there is room for it on the disk", valueName: "choice", defaultText: "auto")
  var merge: MergeChoice?
  @Option(
    help:
      "folder of an adapter of the model to train further, as peft or gpt-finetune wrote it; its "
      + "rank and the other options above are its own", valueName: "folder", completion: .folder)
  var adapterFrom: String?

  /// The options that a new adapter alone can have, and that are given.
  private var givenForNew: [String] {
    [
      (loraR != nil, "--lora-r"), (loraAlpha != nil, "--lora-alpha"),
      (loraDropout != nil, "--lora-dropout"), (targetModules != nil, "--target-modules"),
      (useRslora, "--use-rslora"), (useDora, "--use-dora"),
      (initLoraWeights != nil, "--init-lora-weights"),
      (layersToTransform != nil, "--layers-to-transform"), (bias != nil, "--bias"),
      (modulesToSave != nil, "--modules-to-save"),
    ].filter(\.0).map(\.1)
  }

  /// Whether an adapter is trained.
  var isUsed: Bool { adapter != nil || adapterFrom != nil }

  func validate(model: String?) throws {
    if let option = givenForNew.first {
      if adapterFrom != nil {
        throw UsageError("\(option) does not go with --adapter-from: that adapter has its own")
      }
      if adapter == nil { throw UsageError("\(option) needs --adapter lora") }
    }
    if !isUsed {
      if baseWeights != nil { throw UsageError("--base-weights needs --adapter lora") }
      if merge != nil { throw UsageError("--merge needs --adapter lora") }
    } else if model == nil {
      throw UsageError("an adapter needs --model, the model that it is for")
    }
    if useDora, let loraDropout, loraDropout > 0 {
      throw UsageError(
        "--lora-dropout \(loraDropout) does not go with --use-dora, which scales the sum of both parts"
      )
    }
    _ = try configuration(base: "")
  }

  /// The highest learning rate, unless one is given.
  var learningRate: Double { initLoraWeights == .pissa ? 1e-4 : 2e-4 }

  /// Whether the final model, of `size` bytes, is merged in the folder `run`.
  func merges(size: Int, run: String) throws -> Bool {
    switch merge ?? .auto {
    case .yes: return true
    case .no: return false
    case .auto:
      guard let free = Folder.freeBytes(at: run), free < size else { return true }
      Log.warning(
        "final/ will hold only the adapter: the merged model takes "
          + "\(NumberText.bytes(Double(size))), but only \(NumberText.bytes(Double(free))) are "
          + "free in \(run). gpt-sample merges the two when it reads them"
      )
      return false
    }
  }

  /// A new adapter for the model called `base`.
  func configuration(base: String) throws -> AdapterConfiguration {
    let rank = loraR ?? 16
    var configuration = AdapterConfiguration(
      baseModel: base, rank: rank,
      alpha: loraAlpha ?? Double(initLoraWeights == .pissa ? rank : 2 * rank),
      dropout: loraDropout ?? 0, targets: try targets)
    configuration.usesRootOfRank = useRslora
    configuration.hasMagnitudes = useDora
    switch initLoraWeights {
    case .gaussian: configuration.initialWeights = .gaussian
    case .pissa: configuration.initialWeights = .pissa
    case .standard, nil: break
    }
    if let layersToTransform {
      guard case .names = configuration.targets else {
        throw UsageError(
          "--layers-to-transform goes with names as --target-modules, not with an expression")
      }
      configuration.blocks = try Self.blocks(layersToTransform)
    }
    configuration.biases = (bias ?? .none).rawValue
    if let modulesToSave { configuration.replacedModules = [modulesToSave] }
    return configuration
  }

  /// Checks that a new adapter of `configuration` is possible for `model`.
  ///
  /// - Throws: ``UsageError``.
  func check(_ configuration: AdapterConfiguration, for model: GPT2Configuration) throws {
    if let block = configuration.blocks?.first(where: { $0 >= model.layers }) {
      throw UsageError(
        "--layers-to-transform names block \(block), but the model has the blocks 0 to "
          + "\(model.layers - 1)")
    }
    do {
      _ = try AdapterPlan(configuration, for: model, path: "--adapter lora")
    } catch let error as InputError {
      throw UsageError("\(error)")
    }
  }

  /// The matrices of `--target-modules`, all unless some are given.
  private var targets: AdapterConfiguration.Modules {
    get throws {
      let all = AdapterConfiguration.Modules.names(AdaptableMatrix.allCases.map(\.rawValue))
      guard let targetModules else { return all }
      do {
        let targets = try AdapterConfiguration.Modules(text: targetModules)
        return targets == .allLinear ? all : targets
      } catch {
        throw UsageError("--target-modules \(targetModules): \(error)")
      }
    }
  }

  /// The blocks that `text`, such as `0,5,18-23`, names.
  private static func blocks(_ text: String) throws -> [Int] {
    try text.split(separator: ",", omittingEmptySubsequences: false).flatMap { part in
      let bounds = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard let first = bounds.first ?? nil, let last = bounds.last ?? nil, bounds.count <= 2,
        first <= last, last < 1000
      else {
        throw UsageError(
          "--layers-to-transform \(text): expected blocks such as 18-23 or 0,5,11")
      }
      return Array(first...last)
    }
  }
}
