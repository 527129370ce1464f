"""Values that genotypes decode to and settings that children are trained by, as frozen plain data and pure functions.

child              a record of roles: what is trained, by what, on what
operations         what a block of a network does to a shape, and its exact costs
network            a graph of blocks, its shapes and its exact costs
cell               normal and reduction cells, their operations, ScheduledDropPath
edge_cell          operations on the edges of a small graph, as in tabular benchmarks
skeleton           networks from cells: N, F, stems, the auxiliary head
expert_networks    networks made by experts: ResNet, Wide ResNet, plain ones
activation         activation functions by name
optimizer          update rules by name
expressions        what activation functions and update rules are written in
augmentation       what is done to training images: a baseline, a policy, Cutout
policy             augmentation policies, and what their levels mean
policy_settings    augmentations with every argument spelled out, for programs outside
policy_words       the same in words
published_policies  augmentation policies by name
recipe             how a child is trained
analytic_problems  functions that update rules minimise without data
published_recipes  how networks of cells and those of experts are trained to the end
dataset            which images a child is trained on
class_scores       scores of single classes, and which are taken for which
timings            how long the forms of a convolution take on a kind of CPU
engine             which engine computes with a network
drawings           drawings of values as plain data
drawn_networks     networks as drawings
drawn_operations   the operations of networks as nodes of drawings
drawn_cells        cells, edge cells and stacks as drawings
drawn_formulas     activation functions and update rules as formulas
sheet              what is said of a value or a run, before it is laid out
"""
