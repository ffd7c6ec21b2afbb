(** A checker for the claims that follow from enclosures: pairwise verdicts, the order of all
    trials, certified errors, indistinguishable sets and flips. It decides by exact dyadic
    arithmetic and trusts nothing but the enclosures:

        check c = true and L*_i in enclosure i for all i   imply   every claim of c.

    Written to be mirrored function by function in the independent checker of certificates, and
    to be run with vm_compute for comparison with it. A claim is supported or it is not: a
    document that claims less than it could is accepted. *)

From Coq Require Import ZArith Reals Lra Lia Bool List Arith Sorting.Sorted Sorting.Permutation.
From Flocq Require Import Core.
From NumGeom Require Import Verdict Dyadic.
Import ListNotations.
Local Open Scope nat_scope.

(** ** What is claimed *)

(** None is an open end. *)
Record bounds := Bounds { lower : option dyadic; upper : option dyadic }.

(** One native run of one trial. native: None is a diverged run; errors: None is infinite. *)
Record outcome := Outcome {
  native : option dyadic;
  error_lower : option dyadic;
  error_upper : option dyadic;
}.

(** Is L*(first) < L*(second)? *)
Record pair_claim := PairClaim { first : nat; second : nat; less_claim : verdict }.

(** native_better has the lower native loss, exact_better the lower exact one. *)
Record flip_claim := FlipClaim { native_better : nat; exact_better : nat }.

(** All trials in one native precision. *)
Record run := Run {
  outcomes : list outcome;        (** one a trial *)
  indistinguishable : list nat;
  flips : list flip_claim;
}.

Record claims := Claims {
  enclosures : list bounds;       (** of the exact losses, one a trial *)
  pairs : list pair_claim;
  order : option (list nat);      (** of all trials, ascending and strict; None: none is claimed *)
  runs : list run;
}.

(** ** The checker *)

(** Exponents are limited so that no document can ask for numbers of any size. *)
Definition exponent_limit : Z := 1048576.

Definition moderate (x : dyadic) : bool := (Z.abs (exponent x) <=? exponent_limit)%Z.

Definition moderate_option (x : option dyadic) : bool :=
  match x with Some x => moderate x | None => true end.

Definition moderate_bounds (e : bounds) : bool :=
  moderate_option (lower e) && moderate_option (upper e).

Definition moderate_outcome (o : outcome) : bool :=
  moderate_option (native o) && moderate_option (error_lower o) && moderate_option (error_upper o).

Definition well_formed (e : bounds) : bool :=
  match lower e, upper e with
  | Some l, Some u => less_equal l u
  | _, _ => true
  end.

(** hi(a) < lo(b). *)
Definition surely_less (a b : bounds) : bool :=
  match upper a, lower b with
  | Some u, Some l => less u l
  | _, _ => false
  end.

(** hi(a) <= lo(b). *)
Definition surely_at_most (a b : bounds) : bool :=
  match upper a, lower b with
  | Some u, Some l => less_equal u l
  | _, _ => false
  end.

Definition surely_less_at (es : list bounds) (i j : nat) : bool :=
  match nth_error es i, nth_error es j with
  | Some a, Some b => surely_less a b
  | _, _ => false
  end.

Definition check_pair (es : list bounds) (p : pair_claim) : bool :=
  match nth_error es (first p), nth_error es (second p) with
  | Some a, Some b =>
      match less_claim p with
      | Certified => surely_less a b
      | Refuted => surely_at_most b a
      | Undecided => true
      end
  | _, _ => false
  end.

Definition member (i : nat) (l : list nat) : bool := existsb (Nat.eqb i) l.

Definition is_permutation (n : nat) (l : list nat) : bool :=
  (length l =? n) && forallb (fun i => member i l) (seq 0 n).

(** Each is surely less than the next. *)
Fixpoint is_ascending (es : list bounds) (l : list nat) : bool :=
  match l with
  | i :: rest =>
      match rest with
      | j :: _ => surely_less_at es i j && is_ascending es rest
      | [] => true
      end
  | [] => true
  end.

Definition check_order (es : list bounds) (l : option (list nat)) : bool :=
  match l with
  | Some l => is_permutation (length es) l && is_ascending es l
  | None => true
  end.

(** error <= dist(x, e). *)
Definition check_error_lower (e : bounds) (x error : dyadic) : bool :=
  less_equal error zero
  || match lower e with Some l => less_equal error (subtract l x) | None => false end
  || match upper e with Some u => less_equal error (subtract x u) | None => false end.

(** |x - lo| <= error and |x - hi| <= error. *)
Definition check_error_upper (e : bounds) (x error : dyadic) : bool :=
  match lower e, upper e with
  | Some l, Some u => less_equal (distance x l) error && less_equal (distance x u) error
  | _, _ => false
  end.

(** Of a diverged run no finite error may be claimed; of another one no infinite lower bound. *)
Definition check_outcome (e : bounds) (o : outcome) : bool :=
  match native o with
  | None => match error_upper o with None => true | Some _ => false end
  | Some x =>
      match error_lower o with Some l => check_error_lower e x l | None => false end
      && match error_upper o with Some u => check_error_upper e x u | None => true end
  end.

Definition is_beaten (es : list bounds) (e : bounds) : bool :=
  existsb (fun other => surely_less other e) es.

(** Who is not listed is beaten for certain. *)
Definition check_set (es : list bounds) (set : list nat) : bool :=
  forallb (fun i => i <? length es) set
  && forallb (fun i => member i set
                       || match nth_error es i with Some e => is_beaten es e | None => false end)
             (seq 0 (length es)).

Definition natively_less (a b : outcome) : bool :=
  match native a, native b with
  | Some x, Some y => less x y
  | Some _, None => true
  | None, _ => false
  end.

Definition check_flip (es : list bounds) (os : list outcome) (f : flip_claim) : bool :=
  surely_less_at es (exact_better f) (native_better f)
  && match nth_error os (native_better f), nth_error os (exact_better f) with
     | Some a, Some b => natively_less a b
     | _, _ => false
     end.

Definition check_run (es : list bounds) (r : run) : bool :=
  (length (outcomes r) =? length es)
  && forallb moderate_outcome (outcomes r)
  && forallb (fun eo => check_outcome (fst eo) (snd eo)) (combine es (outcomes r))
  && check_set es (indistinguishable r)
  && forallb (check_flip es (outcomes r)) (flips r).

Definition check (c : claims) : bool :=
  let es := enclosures c in
  forallb moderate_bounds es
  && forallb well_formed es
  && forallb (check_pair es) (pairs c)
  && check_order es (order c)
  && forallb (check_run es) (runs c).

(** ** What the claims mean *)

Local Open Scope R_scope.

Definition contains (e : bounds) (x : R) : Prop :=
  match lower e with Some l => value l <= x | None => True end /\
  match upper e with Some u => x <= value u | None => True end.

Definition error_is_enclosed (o : outcome) (x : R) : Prop :=
  match native o with
  | None => error_upper o = None
  | Some n =>
      match error_lower o with Some l => value l <= Rabs (value n - x) | None => False end /\
      match error_upper o with Some u => Rabs (value n - x) <= value u | None => True end
  end.

Definition native_order (a b : outcome) : Prop :=
  match native a, native b with
  | Some x, Some y => value x < value y
  | Some _, None => True
  | None, _ => False
  end.

Section Soundness.
Variables (es : list bounds) (exact : nat -> R).
Hypothesis enclosed : forall i e, nth_error es i = Some e -> contains e (exact i).

Definition is_minimiser (i : nat) : Prop :=
  (i < length es)%nat /\ forall j, (j < length es)%nat -> exact i <= exact j.

(** What a run claims. *)
Record run_holds (r : run) : Prop := {
  errors_hold : forall i o, nth_error (outcomes r) i = Some o -> error_is_enclosed o (exact i);
  set_holds : forall i, is_minimiser i -> In i (indistinguishable r);
  flips_hold : forall f, In f (flips r) ->
    exact (exact_better f) < exact (native_better f) /\
    exists a b, nth_error (outcomes r) (native_better f) = Some a /\
                nth_error (outcomes r) (exact_better f) = Some b /\ native_order a b;
}.

Lemma surely_less_sound a b x y :
  surely_less a b = true -> contains a x -> contains b y -> x < y.
Proof.
  unfold surely_less, contains. intros H [_ Hx] [Hy _].
  destruct (upper a) as [u|], (lower b) as [l|]; try discriminate.
  apply less_correct in H. lra.
Qed.

Lemma surely_at_most_sound a b x y :
  surely_at_most a b = true -> contains a x -> contains b y -> x <= y.
Proof.
  unfold surely_at_most, contains. intros H [_ Hx] [Hy _].
  destruct (upper a) as [u|], (lower b) as [l|]; try discriminate.
  apply less_equal_correct in H. lra.
Qed.

Lemma surely_less_at_sound i j : surely_less_at es i j = true -> exact i < exact j.
Proof.
  unfold surely_less_at. intros H.
  destruct (nth_error es i) as [a|] eqn:Hi, (nth_error es j) as [b|] eqn:Hj; try discriminate.
  eapply surely_less_sound; eauto.
Qed.

Theorem check_pair_sound p :
  check_pair es p = true -> means (less_claim p) (exact (first p) < exact (second p)).
Proof.
  unfold check_pair. intros H.
  destruct (nth_error es (first p)) as [a|] eqn:Hi, (nth_error es (second p)) as [b|] eqn:Hj;
    try discriminate.
  destruct (less_claim p); simpl; [| |exact I].
  - eapply surely_less_sound; eauto.
  - apply Rle_not_lt. eapply surely_at_most_sound; eauto.
Qed.

Lemma member_in i l : member i l = true -> In i l.
Proof.
  unfold member. intros H. apply existsb_exists in H. destruct H as [j [Hj He]].
  apply Nat.eqb_eq in He. now subst.
Qed.

Lemma is_permutation_sound n l : is_permutation n l = true -> Permutation (seq 0 n) l.
Proof.
  unfold is_permutation. intros H. apply andb_prop in H. destruct H as [Hn H].
  apply Nat.eqb_eq in Hn. rewrite forallb_forall in H.
  apply NoDup_Permutation_bis.
  - apply seq_NoDup.
  - rewrite seq_length. lia.
  - intros i Hi. apply member_in, H, Hi.
Qed.

Lemma is_ascending_sound l :
  is_ascending es l = true -> StronglySorted (fun i j => exact i < exact j) l.
Proof.
  intros H. apply Sorted_StronglySorted; [intros i j k; lra|].
  induction l as [|i l IH]; [constructor|]. simpl in H.
  destruct l as [|j l]; [repeat constructor|].
  apply andb_prop in H. destruct H as [Hij H].
  constructor; [now apply IH|]. constructor. now apply surely_less_at_sound.
Qed.

Theorem check_order_sound l :
  check_order es (Some l) = true ->
  Permutation (seq 0 (length es)) l /\ StronglySorted (fun i j => exact i < exact j) l.
Proof.
  simpl. intros H. apply andb_prop in H. destruct H as [Hp Ha].
  split; [now apply is_permutation_sound | now apply is_ascending_sound].
Qed.

Lemma check_error_lower_sound e n l x :
  check_error_lower e n l = true -> contains e x -> value l <= Rabs (value n - x).
Proof.
  unfold check_error_lower, contains. intros H [Hlo Hup].
  apply orb_prop in H. destruct H as [H|H]; [apply orb_prop in H; destruct H as [H|H]|].
  - apply less_equal_correct in H. rewrite value_zero in H.
    eapply Rle_trans; [exact H | apply Rabs_pos].
  - destruct (lower e) as [b|]; [|discriminate].
    apply less_equal_correct in H. rewrite subtract_correct in H.
    rewrite Rabs_minus_sym. eapply Rle_trans; [|apply Rle_abs]. lra.
  - destruct (upper e) as [b|]; [|discriminate].
    apply less_equal_correct in H. rewrite subtract_correct in H.
    eapply Rle_trans; [|apply Rle_abs]. lra.
Qed.

Lemma check_error_upper_sound e n u x :
  check_error_upper e n u = true -> contains e x -> Rabs (value n - x) <= value u.
Proof.
  unfold check_error_upper, contains. intros H [Hlo Hup].
  destruct (lower e) as [l|], (upper e) as [h|]; try discriminate.
  apply andb_prop in H. destruct H as [H1 H2].
  apply less_equal_correct in H1. apply less_equal_correct in H2.
  rewrite distance_correct in H1, H2.
  apply Rabs_le_inv in H1. apply Rabs_le_inv in H2. apply Rabs_le. lra.
Qed.

Theorem check_outcome_sound e o x :
  check_outcome e o = true -> contains e x -> error_is_enclosed o x.
Proof.
  unfold check_outcome, error_is_enclosed. intros H Hx.
  destruct (native o) as [n|]; [|now destruct (error_upper o)].
  apply andb_prop in H. destruct H as [Hl Hu]. split.
  - destruct (error_lower o); [|discriminate]. now apply check_error_lower_sound with e.
  - destruct (error_upper o); [|exact I]. now apply check_error_upper_sound with e.
Qed.

Theorem check_set_sound set :
  check_set es set = true -> forall i, is_minimiser i -> In i set.
Proof.
  unfold check_set. intros H i [Hi Hmin].
  apply andb_prop in H. destruct H as [_ H]. rewrite forallb_forall in H.
  assert (Hin : In i (seq 0 (length es))) by (apply in_seq; lia).
  apply H, orb_prop in Hin. destruct Hin as [Hin|Hbeaten]; [now apply member_in|].
  exfalso. destruct (nth_error es i) as [e|] eqn:He; [|discriminate].
  unfold is_beaten in Hbeaten. apply existsb_exists in Hbeaten.
  destruct Hbeaten as [other [Ho Hless]]. apply In_nth_error in Ho. destruct Ho as [j Hj].
  assert (Hlt : exact j < exact i) by (eapply surely_less_sound; eauto).
  assert (Hjn : (j < length es)%nat) by (apply nth_error_Some; now rewrite Hj).
  specialize (Hmin j Hjn). lra.
Qed.

Lemma nth_error_combine {A B} (l : list A) (m : list B) i a b :
  nth_error l i = Some a -> nth_error m i = Some b -> In (a, b) (combine l m).
Proof.
  revert m i. induction l as [|x l IH]; intros [|y m] [|i]; simpl; try discriminate.
  - intros [= ->] [= ->]. now left.
  - intros Ha Hb. right. eapply IH; eauto.
Qed.

Theorem check_run_sound r : check_run es r = true -> run_holds r.
Proof.
  unfold check_run. intros H.
  apply andb_prop in H. destruct H as [H Hflips].
  apply andb_prop in H. destruct H as [H Hset].
  apply andb_prop in H. destruct H as [H Herrors].
  apply andb_prop in H. destruct H as [Hlen _]. apply Nat.eqb_eq in Hlen.
  split.
  - intros i o Ho. rewrite forallb_forall in Herrors.
    destruct (nth_error es i) as [e|] eqn:He.
    + apply check_outcome_sound with e; [|now apply enclosed].
      apply (Herrors (e, o)). now apply nth_error_combine with i.
    + exfalso. apply nth_error_None in He.
      assert ((i < length (outcomes r))%nat) by (apply nth_error_Some; congruence). lia.
  - now apply check_set_sound.
  - intros f Hf. rewrite forallb_forall in Hflips. specialize (Hflips f Hf).
    unfold check_flip in Hflips. apply andb_prop in Hflips. destruct Hflips as [Hexact Hnative].
    split; [now apply surely_less_at_sound|].
    destruct (nth_error (outcomes r) (native_better f)) as [a|]; [|discriminate].
    destruct (nth_error (outcomes r) (exact_better f)) as [b|]; [|discriminate].
    exists a, b. split; [reflexivity|]. split; [reflexivity|].
    unfold natively_less in Hnative. unfold native_order.
    destruct (native a), (native b); try discriminate; [|exact I].
    now apply less_correct.
Qed.
End Soundness.

(** An accepted document claims nothing false, if its enclosures are right. *)
Theorem check_sound (c : claims) (exact : nat -> R) :
  check c = true ->
  (forall i e, nth_error (enclosures c) i = Some e -> contains e (exact i)) ->
  (forall p, In p (pairs c) -> means (less_claim p) (exact (first p) < exact (second p))) /\
  (forall l, order c = Some l ->
     Permutation (seq 0 (length (enclosures c))) l /\
     StronglySorted (fun i j => exact i < exact j) l) /\
  (forall r, In r (runs c) -> run_holds (enclosures c) exact r).
Proof.
  unfold check. cbv zeta. intros H Henclosed.
  apply andb_prop in H. destruct H as [H Hruns].
  apply andb_prop in H. destruct H as [H Horder].
  apply andb_prop in H. destruct H as [_ Hpairs].
  rewrite forallb_forall in Hpairs, Hruns.
  split; [|split].
  - intros p Hp. apply (check_pair_sound (enclosures c)); [exact Henclosed | now apply Hpairs].
  - intros l Hl. rewrite Hl in Horder. now apply check_order_sound.
  - intros r Hr. apply check_run_sound; [exact Henclosed | now apply Hruns].
Qed.
