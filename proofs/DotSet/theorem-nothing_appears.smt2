; DotSet: theorem nothing_appears
; unsat means proved
(set-logic ALL)
(declare-fun |d.number| () Int)
(declare-fun |d.replica| () Int)
(declare-fun |s| (Int Int) Bool)
(declare-fun |t| (Int Int) Bool)
(declare-fun |t.seen| (Int Int) Bool)
(declare-fun |s.seen| (Int Int) Bool)
(define-fun t!1 () Bool (|s| |d.replica| |d.number|))
(define-fun t!2 () Bool (|t| |d.replica| |d.number|))
(assert (not (or (not (or (and t!1 t!2) (and t!1 (not (|t.seen| |d.replica| |d.number|))) (and t!2 (not (|s.seen| |d.replica| |d.number|))))) t!1 t!2)))
(check-sat)
