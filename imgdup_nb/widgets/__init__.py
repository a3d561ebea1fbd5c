"""Widgets: each is a state that runs without a notebook, and a view that shows it in one.

state           `ThresholdState`: one threshold, and the groups that follow
method_pairs    the pairs of one method, and what is known of their images
judged_pairs    its pair tables, the pairs at the border, and the labels
explorer        `ThresholdExplorer` shows it
below_floor     bars of pairs that were counted, and not listed
collection_map  the collection as a map in the explorer
circle_layout   where images lie on it by their pairs
vector_layout   where they lie by vectors
page            the explorer as one HTML file that works without a kernel
page_data       what such a file holds: pairs, names, and the pictures that fit
report          a plan or a log as such a page, as JSON or as CSV
group_rows      the table of the groups as arrays
labeler         `PairLabeler` asks which pairs show the same picture
review_state    `ReviewState`: a plan, and the decisions of a person
reviewer        `GroupReviewer` shows it
viewer          `PairViewer` shows two pictures side by side and aligned
thumbnails      small pictures, made in threads when the browser asks
base            messages, errors and still pictures of all widgets; how assets become a module
assets/         the browser half; `types.d.ts` lists the data of each message
"""

from .explorer import ThresholdExplorer
from .labeler import PairLabeler
from .review_state import ReviewState
from .reviewer import GroupReviewer
from .state import ThresholdState
from .viewer import PairViewer

__all__ = [
    "GroupReviewer",
    "PairLabeler",
    "PairViewer",
    "ReviewState",
    "ThresholdExplorer",
    "ThresholdState",
]
