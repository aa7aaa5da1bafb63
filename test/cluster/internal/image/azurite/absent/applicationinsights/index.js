// Telemetry, which azurite loads even where --disableTelemetry forbids it.
module.exports = {};
