"""From a study's arrays to what its results pages show: plain values and pictures, no database.

Each `*_section` takes PartData and AnalysisSettings and gives a Section. Figures are computed by
annotations.statistics; here they are chosen, named and put into words.
"""
