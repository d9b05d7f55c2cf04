import Foundation
import Testing
import Training

@Suite("LineChart")
struct LineChartTests {
  @Test(
    "ticks are round numbers from 0 to the largest, about five",
    arguments: [
      (1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
      (3.7, [0, 1, 2, 3]),
      (5, [0, 1, 2, 3, 4, 5]),
      (11, [0, 5, 10]),
      (70_000, [0, 20_000, 40_000, 60_000]),
      (0.02, [0, 0.005, 0.01, 0.015, 0.02]),
    ] as [(Double, [Double])])
  func ticks(maximum: Double, expected: [Double]) {
    let ticks = LineChart.ticks(to: maximum)
    #expect(ticks.count == expected.count, "\(ticks)")
    #expect(zip(ticks, expected).allSatisfy { abs($0 - $1) < 1e-9 }, "\(ticks)")
  }

  @Test("there are three to seven ticks, whatever the size", arguments: 0..<200)
  func tickCount(exponent: Int) {
    let maximum = 1e-9 * pow(1.4, Double(exponent))
    let ticks = LineChart.ticks(to: maximum)
    #expect((3...7).contains(ticks.count), "\(maximum): \(ticks)")
  }

  @Test("labels are as short as the number allows")
  func labels() {
    #expect(
      [0, 0.2, 12, 0.005, 40_000].map(LineChart.label) == ["0", "0.2", "12", "0.005", "40000"])
  }

  @Test("draws each line from left to right, the largest value at the top")
  func picture() {
    let chart = LineChart(
      title: "loss", xLabel: "step",
      lines: [
        .init(name: "training", color: "red", points: [(0, 4), (50, 2), (100, 0)]),
        .init(name: "validation", color: "blue", points: []),
      ])
    let svg = chart.svg
    #expect(svg.hasPrefix("<svg xmlns=") && svg.hasSuffix("</svg>\n"))
    #expect(svg.contains(#"<polyline points="60.0,60.0 400.0,225.0 740.0,390.0""#))
    #expect(svg.contains(">training</text>") && svg.contains(">step</text>"))
    // A line without points has no entry in the legend.
    #expect(!svg.contains("validation"))
    #expect(svg.components(separatedBy: "<circle").count == 4)
  }

  @Test("an axis that does not begin at 0 begins with a round number below the lowest value")
  func lowest() {
    let ticks = LineChart.ticks(from: 5.72, to: 8.4)
    #expect(ticks.map(LineChart.label) == ["5", "6", "7", "8"])
    #expect(LineChart.ticks(from: 3, to: 3).first == 0)
    let chart = LineChart(
      title: "loss", xLabel: "step",
      lines: [.init(name: "a", color: "var(--a)", points: [(0, 8), (10, 7)])], beginsAtZero: false,
      in: .page)
    // 7 is the lowest tick, so the last point lies on the axis; the page has its own title and ground.
    #expect(chart.svg.contains(#"points="56.0,30.0 468.0,254.0""#))
    #expect(!chart.svg.contains("<rect") && chart.svg.contains("stroke=\"var(--a)\""))
  }

  @Test("a chart without points, or of one, is a chart")
  func empty() {
    #expect(LineChart(title: "t", xLabel: "x", lines: []).svg.contains("</svg>"))
    let one = LineChart(
      title: "t", xLabel: "x", lines: [.init(name: "a", color: "red", points: [(1, 0)])])
    #expect(one.svg.contains(#"points="740.0,390.0""#))
  }
}
