import CommandLineSupport
import Communication
import FileSupport
import Glibc
import TensorKernels
import TextSupport
import Threading
import Training

extension GPTFinetune {
  /// Settings that are measured in addition to those that are given.
  private struct Variant {
    let name: String
    /// Changes the options to those of the variant.
    var change: () -> Void = {}
  }

  /// Measures the settings that are given and others, and prints what the run would take.
  ///
  /// Each is measured in a process of its own, so that the peak of its memory is known.
  ///
  /// - Throws: ``RunRefusal`` if a run with the given settings cannot fit.
  func printEstimate() throws {
    let start = ContinuousClock.now
    Log.info("measuring the disk")
    let diskSpeed = DiskSpeed.measure(at: output, bytes: .max)
    var table = TextTable(
      ["", "step", "tokens/s", "steps", "epoch", "run", "memory", "checkpoint", "disk"],
      rightAligned: Set(1...8))
    var facts = TextTable()
    var refusal: RunRefusal?
    for (index, variant) in variants.enumerated() {
      let isGiven = index == 0
      Log.info("measuring \(variant.name)")
      let outcome = try ForkedProcess.run(
        isSilent: !isGiven, check: Interruption.check, status: { ExitStatus(of: $0).rawValue }
      ) { try measure(variant, diskSpeed) }
      switch outcome {
      case .done(let estimate, let peakBytes):
        table.rows.append([variant.name] + Self.cells(estimate, peakBytes))
        guard isGiven else { continue }
        facts.rows += Self.facts(estimate, diskSpeed)
        if let free = Folder.freeBytes(at: output), estimate.disk.atLeast > free {
          refusal = diskRefusal(needed: estimate.disk.atLeast, free: free)
        }
      case .failed(let status, let message):
        try Interruption.check()
        let isShort = status == ExitStatus.unavailable.rawValue || status == 128 + SIGKILL
        let failure = RunRefusal(
          exitStatus: isShort ? .unavailable : ExitStatus(rawValue: status) ?? .software,
          description: message.isEmpty ? "there is not enough memory" : message)
        // Other settings may need less.
        if isGiven, !isShort { throw failure }
        if isGiven { refusal = failure }
        Log.info("\(variant.name): \(failure)")
        table.rows.append([variant.name, isShort ? "too large" : "not possible"])
      }
    }
    let free = [
      AvailableMemory.byteCount.map { "\(NumberText.bytes(Double($0))) of memory" },
      Folder.freeBytes(at: output).map { "\(NumberText.bytes(Double($0))) on the disk" },
    ].compactMap(\.self).joined(separator: ", ")
    facts.rows.append(["free", free])
    print(table.text() + "\n" + facts.text(), terminator: "")
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    Log.info("measured in \(NumberText.duration(seconds))")
    if let refusal { throw refusal }
  }

  private var variants: [Variant] {
    // The options are boxes that copies share; each variant changes them in a process of its own.
    let training = training
    let batchSize = training.perDeviceTrainBatchSize
    func batches(of size: Int) -> Variant {
      Variant(name: "--batch-size \(size)") { training.perDeviceTrainBatchSize = size }
    }
    var variants = [Variant(name: "as given")]
    let precision = training.precision ?? defaultPrecision(.alone)
    if precision == .fp32, ThreadPool.multipliesBFloat16 {
      variants.append(Variant(name: "--precision bf16") { training.precision = .bf16 })
    }
    if model != nil, !adapterOptions.isUsed {
      variants.append(Variant(name: "--adapter lora") { adapterOptions.adapter = .lora })
    }
    if !training.gradientCheckpointing {
      variants.append(
        Variant(name: "--gradient-checkpointing") { training.gradientCheckpointing = true })
    }
    if batchSize > 1 { variants.append(batches(of: batchSize / 2)) }
    variants.append(batches(of: 2 * batchSize))
    return variants
  }

  /// Measures `variant` in a process that does nothing else.
  private func measure(_ variant: Variant, _ diskSpeed: Double?) throws -> RunEstimate {
    let clock = TrainingClock()
    variant.change()
    let trainer = try prepare(clock).trainer
    if let warning = try memoryWarning() { Log.warning(warning) }
    drawWeights(of: trainer)
    return try trainer.estimate(diskSpeed: diskSpeed, progress: Interruption.check)
  }

  // MARK: - Text

  private static func cells(_ estimate: RunEstimate, _ peakBytes: Int) -> [String] {
    [
      time(estimate.stepSeconds), NumberText.count(estimate.tokensPerSecond.rounded()),
      NumberText.count(estimate.steps), NumberText.duration(estimate.epochSeconds),
      NumberText.duration(estimate.runSeconds), NumberText.bytes(Double(peakBytes)),
      NumberText.bytes(Double(estimate.checkpointBytes)),
      NumberText.bytes(Double(estimate.disk.atMost)),
    ]
  }

  /// What a run with the given settings consists of.
  private static func facts(_ estimate: RunEstimate, _ diskSpeed: Double?) -> [[String]] {
    func each(_ count: Int, _ seconds: Double) -> String {
      "up to \(NumberText.count(count)), \(time(seconds)) each"
    }
    let speed =
      diskSpeed.map { "\(NumberText.bytes($0)) per second" }
      ?? "\(NumberText.bytes(Trainer.assumedDiskSpeed)) per second, which is assumed"
    return [
      ["validations", each(estimate.validations, estimate.validationSeconds)],
      [
        "checkpoints",
        "\(each(estimate.checkpoints, estimate.checkpointSeconds)); the disk takes \(speed)",
      ],
      ["final model", NumberText.bytes(Double(estimate.finalBytes))],
    ]
  }

  /// `0.312 s`, `12.3 s` or `2 min 10 s`.
  private static func time(_ seconds: Double) -> String {
    seconds >= 60
      ? NumberText.duration(seconds)
      : "\(NumberText.decimal(seconds, digits: seconds < 1 ? 3 : seconds < 10 ? 2 : 1)) s"
  }
}
