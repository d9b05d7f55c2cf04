@main struct GPTFinetune { static func main() {} }
